"""Lies that the leaves tell consistently: details, commitments, words and roots agree, and only the replay can notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from token_service.audit.report import AuditReport, Finding
from token_service.protocol import receipts
from token_service.protocol.receipts import Opening

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain

DAY = timedelta(days=1)
RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  levels: [{id: bronze, from: 0}, {id: gold, from: 100000, multiplier_percent: 200}]
expiry: {kind: fixed, period: P30D}
limits: {manual_issuance_points: 300}
accept_late: P7D
rewards: [{id: coffee, kind: gift, points: 40}]
"""
WINDOW = RULES + "return_window: P14D\n"


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def bending(kind: str, change: Callable[[Settling], Settling | None]) -> Callable[[list[Settling]], Iterable[Settling]]:
    """Bends the leaves whose detail has this kind; None leaves one out."""

    def bend(found: list[Settling]) -> Iterable[Settling]:
        bent = [change(leaf) if leaf.detail["kind"] == kind else leaf for leaf in found]
        return [leaf for leaf in bent if leaf is not None]

    return bend


def saying(leaf: Settling, *, amount: int | None = None, **detail: Any) -> Settling:
    """The leaf with another detail, and perhaps another amount."""
    return replace(leaf, amount=leaf.amount if amount is None else amount, detail=leaf.detail | detail)


def lie(made: OpenedProgramme, kind: str, change: Callable[[Settling], Settling | None]) -> AuditReport:
    """Settles what waits with this lie in it, and audits."""
    made.bend = bending(kind, change)
    made.settle()
    made.bend = list
    made.settle()
    return made.audit()


def named(report: AuditReport, check: str, count: int = 1) -> Finding:
    """The one finding of a report, at its place."""
    assert report.exit_code == 1, explain(report)
    found = findings(report, check)
    assert len(found) == count, explain(report)
    assert found[0].seq is not None
    assert found[0].index is not None
    return found[0]


def only(report: AuditReport, *checks: str) -> None:
    """No other check is dragged along."""
    assert {result.name for result in report.checks if result.findings_count} == set(checks), explain(report)


def test_points_that_the_rules_do_not_give(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 2_390)

    def more(leaf: Settling) -> Settling:
        line = {**leaf.detail["breakdown"][0], "points": 33}
        return saying(leaf, amount=33, points=33, awarded=33, breakdown=[line])

    report = lie(made, "issuance", more)
    wrong = named(report, "awards")
    assert (wrong.expected, wrong.found) == ("23", "33")
    only(report, "awards")


def test_a_breakdown_that_is_not_the_rules(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 2_390)
    report = lie(
        made, "issuance", lambda leaf: saying(leaf, breakdown=[leaf.detail["breakdown"][0] | {"rule": "luck"}])
    )
    assert "luck" in str(named(report, "awards").found)


def test_a_level_that_the_history_does_not_give(made: OpenedProgramme) -> None:
    """The award of a gold member, with the facts of one."""
    made.town.buy(made.town.member(), 2_390)

    def golden(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        tier = {"rule": "tier:gold", "points": 23, "why": "200 %: 23 points become 46, rounded down"}
        return saying(
            leaf, amount=46, points=46, awarded=46, breakdown=[*leaf.detail["breakdown"], tier],
            facts=facts | {"member": facts["member"] | {"tier": "gold"}},
        )  # fmt: skip

    report = lie(made, "issuance", golden)
    wrong = named(report, "tiers")
    assert (wrong.expected, wrong.found) == ("bronze", "gold")
    only(report, "tiers")


def test_a_change_of_level_that_the_history_does_not_give(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 120_000)
    report = lie(made, "tier", lambda leaf: saying(leaf, to="bronze", figure=99_999))
    assert ("gold", "bronze") in {(one.expected, one.found) for one in findings(report, "tiers")}


def test_a_level_is_kept_as_its_rules_say_and_a_lie_about_it_is_named(
    node_url: str, tmp_path: Path, keys_folder: Path
) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, RULES.replace("from: 100000", "from: 100000, keep: 60000"))
    member = made.town.member()
    made.town.buy(member, 50_000)
    made.town.clock.forward(100 * DAY)
    made.town.buy(member, 70_000)
    made.town.clock.forward(300 * DAY)
    made.settle(1)
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    made.town.buy(member, 1_000)

    def without_keep(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        if facts["total"] != 1_000:
            return leaf
        lines = leaf.detail["breakdown"][:1]
        return saying(
            leaf, amount=10, points=10, awarded=10, breakdown=lines,
            facts=facts | {"member": facts["member"] | {"tier": "bronze"}},
        )  # fmt: skip

    wrong = named(lie(made, "issuance", without_keep), "tiers")
    assert (wrong.expected, wrong.found) == ("gold", "bronze")


def test_a_change_of_level_that_is_kept_quiet(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 120_000)
    made.settle(1)

    def drop(found: list[Settling]) -> list[Settling]:
        kept = [leaf for leaf in found if leaf.detail["kind"] != "tier"]
        return [saying(leaf, number=leaf.detail["number"] - 1) for leaf in kept]

    made.town.adjust(member, 5)
    made.bend = drop
    made.settle()
    wrong = named(made.audit(), "tiers")
    assert (wrong.expected, wrong.found) == ("gold", "bronze")


def test_an_expiry_before_its_date(made: OpenedProgramme) -> None:
    """Everything is settled at its own time; the lot's date alone is not there yet."""
    member = made.town.member()
    made.town.buy(member, 2_390)
    made.settle()
    made.town.pass_time(31 * DAY)

    def early(found: list[Settling]) -> list[Settling]:
        at = (made.town.clock.at - 11 * DAY).isoformat().replace("+00:00", "Z")
        return [saying(leaf, occurred_at=at, recorded_at=at) for leaf in found]

    made.bend = early
    made.settle()
    report = made.audit()
    wrong = named(report, "lots")
    assert "before its date" in wrong.detail
    assert str(wrong.expected).startswith("not before 2027-02-")
    only(report, "lots")


def test_an_expiry_recorded_in_the_future(made: OpenedProgramme) -> None:
    """A detail may say any time; the chain's own clock says when it was settled."""
    member = made.town.member()
    made.town.buy(member, 2_390)
    made.settle()
    made.town.pass_time(31 * DAY)
    made.town.clock.at -= 20 * DAY
    made.settle()
    named(made.audit(), "history")


def test_a_wrong_expiry_date(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 2_390)
    report = lie(made, "issuance", lambda leaf: saying(leaf, expires_at="2027-01-20T00:00:00Z"))
    assert named(report, "lots").found == "2027-01-20T00:00:00Z"


def test_a_restoration_without_its_redemption(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    redeemed = made.town.redeem(member, 50)
    made.town.restore(redeemed.value.id)
    report = lie(made, "restoration", lambda leaf: saying(leaf, of="red_00000000000000000000000000"))
    wrong = named(report, "restorations")
    assert wrong.found == "red_00000000000000000000000000"
    only(report, "restorations")


def test_a_restoration_of_more_than_was_redeemed(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    redeemed = made.town.redeem(member, 50)
    made.town.redeem(member, 50)
    made.town.restore(redeemed.value.id)

    def more(leaf: Settling) -> Settling:
        return saying(leaf, amount=80, points=80, lots=[leaf.detail["lots"][0] | {"points": 80}])

    wrong = named(lie(made, "restoration", more), "restorations")
    assert (wrong.expected, wrong.found) == ("≤ 50", "80")


def test_a_reversal_above_its_issuance(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 100)
    issued = made.town.issue(member, 100)
    made.town.reverse(issued.value.id, 100)

    def more(leaf: Settling) -> Settling:
        other = leaf.detail["lots"][0]
        return saying(leaf, amount=130, points=-130, asked=130, lots=[other, other | {"points": -30}])

    report = lie(made, "reversal", more)
    assert ("≤ 100", "130") in {(one.expected, one.found) for one in findings(report, "reversals")}


def test_a_refund_that_takes_more_than_the_rules(made: OpenedProgramme) -> None:
    member = made.town.member()
    bought = made.town.buy(member, 2_390)
    made.town.refund(bought.value.id, 1_000)

    def more(leaf: Settling) -> Settling:
        return saying(leaf, amount=20, points=-20, kept=3, lots=[leaf.detail["lots"][0] | {"points": -20}])

    wrong = named(lie(made, "reversal", more), "reversals")
    assert (wrong.expected, wrong.found) == ("13", "3")


def test_a_hidden_fact(made: OpenedProgramme) -> None:
    """A purchase that earned nothing is not settled: its number is missing."""
    member = made.town.member()
    made.town.buy(member, 2_390)
    made.town.buy(member, 40)
    made.town.buy(member, 2_390)
    report = lie(made, "purchase", lambda _: None)
    wrong = named(report, "history")
    assert "kept back" in wrong.detail
    assert (wrong.expected, wrong.found) == ("number 2", "number 3")


def test_a_hidden_fact_behind_new_numbers(made: OpenedProgramme) -> None:
    """The leaves are numbered anew without it: the member's purchases and visits no longer count on."""
    member = made.town.member()
    made.town.buy(member, 2_390)
    made.town.clock.at += DAY
    made.town.buy(member, 40)
    made.town.clock.at += DAY
    made.town.buy(member, 2_390)

    def hide(found: list[Settling]) -> list[Settling]:
        return [
            saying(leaf, number=number)
            for number, leaf in enumerate((leaf for leaf in found if leaf.detail["kind"] != "purchase"), start=1)
        ]

    made.bend = hide
    made.settle()
    report = made.audit()
    assert {(one.expected, one.found) for one in findings(report, "history")} == {
        ("1", "2"),
        ("visit 2, receipt 1", "visit 3, receipt 1"),
    }


def test_a_reference_that_is_paid_twice(made: OpenedProgramme) -> None:
    """Two purchases under one name."""
    member = made.town.member()
    made.town.buy(member, 2_390, reference="till/1")
    made.town.buy(member, 2_390, reference="till/2")
    report = lie(made, "issuance", lambda leaf: saying(leaf, reference="till/1"))
    assert "till/1" in named(report, "references").detail
    only(report, "references")


def test_one_leaf_that_is_settled_twice(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 2_390)
    made.bend = lambda found: [*found, *found]
    made.settle()
    assert "is there twice" in named(made.audit(), "references").detail


def test_a_wrong_reward_price(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    made.town.redeem(member, None, reward_id="coffee")

    def dearer(leaf: Settling) -> Settling:
        lot = leaf.detail["lots"][0] | {"points": -60}
        return saying(leaf, amount=60, points=-60, price=60, value=600, lots=[lot])

    report = lie(made, "redemption", dearer)
    wrong = named(report, "rewards")
    assert (wrong.expected, wrong.found) == ("40", "60")
    only(report, "rewards")


def test_a_salt_that_does_not_open(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 2_390)
    made.settle()
    (batch,) = made.chain.batches
    first, *rest = batch.leaves
    assert first.opening is not None
    other = replace(first, opening=Opening("0x" + "11" * 32, first.opening.detail))
    made.write(replace(batch, leaves=(other, *rest)))
    wrong = named(made.audit(), "openings")
    assert wrong.expected == first.leaf.commitment
    assert wrong.found == receipts.commitment(b"\x11" * 32, first.opening.detail)
