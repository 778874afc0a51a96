"""Lies about limits on everybody's day and on how fast a member buys, which only the replay can notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, saying

LIMITS = "limits: {program_day_points: 15, per_merchant_day_points: 14, velocity: {purchases: 2, every: P1D}, "


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES.replace("limits: {", LIMITS))


def as_if_nothing_was_given(leaf: Settling) -> Settling:
    """The purchase earns the ten points that the day no longer had."""
    facts = leaf.detail["facts"]
    caps = [one | {"left": most} for one, most in zip(facts["caps"], (14, 15), strict=True)]
    more = {"points": 10, "awarded": 10, "facts": facts | {"caps": caps}, "breakdown": leaf.detail["breakdown"][:1]}
    return saying(leaf, amount=10, **more)


def test_an_honest_day_at_its_limit_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    given = [made.town.buy(one, 1_000).value for one in (member, made.town.member(), member)]
    assert [one.points for one in given] == [10, 4, 0]
    made.town.refund(given[0].id, 1_000)
    made.town.buy(member, 500)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_day_that_gave_more_than_its_limit(made: OpenedProgramme) -> None:
    """Each purchase alone looks right: nobody outside knows which came first. Together they are too many."""
    for _ in range(2):
        made.town.buy(made.town.member(), 1_000)
    made.bend = lambda leaves: [
        as_if_nothing_was_given(leaf) if leaf.detail["kind"] == "issuance" else leaf for leaf in leaves
    ]
    made.settle()
    wrong = findings(made.audit(), "awards")
    assert {(one.expected, one.found) for one in wrong} == {("at most 14", "20"), ("at most 15", "20")}
    assert all("gave more than its budget" in one.detail for one in wrong)


def test_a_limit_that_is_left_out(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 1_000)

    def silent(leaf: Settling) -> Settling:
        return saying(leaf, facts={name: value for name, value in leaf.detail["facts"].items() if name != "caps"})

    found = findings(lie(made, "issuance", silent), "awards")
    assert any("what the day's limits had left" in one.detail for one in found)


def test_a_day_with_more_room_than_the_rules_give(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 1_000)

    def roomy(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        return saying(leaf, facts=facts | {"caps": [one | {"left": 1_000} for one in facts["caps"]]})

    found = findings(lie(made, "issuance", roomy), "awards")
    assert any("what the day's limits had left" in one.detail for one in found)


def test_a_purchase_that_hides_those_shortly_before_it(made: OpenedProgramme) -> None:
    member = made.town.member()
    for _ in range(2):
        made.town.buy(member, 100)
    made.town.buy(member, 1_000)

    def calm(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        return saying(leaf, facts=facts | {"member": facts["member"] | {"recent": 0}})

    (wrong,) = findings(lie(made, "purchase", calm), "history")
    assert (wrong.detail, wrong.expected, wrong.found) == (
        "how many purchases came shortly before is another",
        "2",
        "0",
    )
