"""Lies about what was given by hand in a day, and about the use of points, which only the replay can notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.ledger.adjustments import adjust
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, saying

LIMITS = (
    "limits: {per_member_day_points: 60, per_merchant_day_points: 70, count_manual: true, manual_issuance_day_points: 50, "
    "adjustment_day_points: 20}"
)
REDEMPTION = "redemption: {min_points: 5, max_points: 45, per_member_day_points: 50}\n"


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    rules = RULES.replace("limits: {manual_issuance_points: 300}", REDEMPTION + LIMITS)
    return make_opened(node_url, tmp_path, keys_folder, rules)


def put_right(made: OpenedProgramme, who: str, points: int) -> None:
    new = NewAdjustment(made.town.reference(), made.town.member(), points, "lost receipts")
    adjust(made.town.context, Actor.admin(who), new)


def test_honest_work_by_hand_holds(made: OpenedProgramme) -> None:
    town = made.town
    member = town.member()
    given = town.issue(member, 40).value
    assert town.buy(member, 10_000).value.points == 20
    town.reverse(given.id, 15)
    assert town.buy(member, 10_000).value.points == 15
    spent = town.redeem(member, 45).value
    town.restore(spent.id, 10)
    town.redeem(member, 15)
    put_right(made, "bob", 20)
    put_right(made, "carol", 20)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_one_person_who_corrected_more_than_a_day_allows(made: OpenedProgramme) -> None:
    for who in ("bob", "carol"):
        put_right(made, who, 20)

    def by_bob(leaves: list[Settling]) -> list[Settling]:
        return [saying(leaf, actor="bob") if leaf.detail["kind"] == "adjustment" else leaf for leaf in leaves]

    made.bend = by_bob
    made.settle()
    (wrong,) = findings(made.audit(), "manual")
    assert wrong.detail.endswith("put right alone by bob more than one person may in a day")
    assert (wrong.expected, wrong.found) == ("at most 20", "40")


def test_an_issuance_that_passes_the_members_day(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 30)
    made.town.issue(member, 20)

    def larger(leaf: Settling) -> Settling:
        return saying(leaf, amount=40)

    found = findings(lie(made, "issuance", larger), "manual")
    assert ("≤ 60", "80") in {(one.expected, one.found) for one in found}
    assert any("issued by hand by" in one.detail and one.found == "80" for one in found)


def test_points_used_below_the_least_amount(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 30)
    made.town.redeem(member, 10)

    def smaller(leaf: Settling) -> Settling:
        return saying(leaf, amount=4, price=4)

    found = findings(lie(made, "redemption", smaller), "rewards")
    assert any(one.detail == "points were spent against redemption.min_points" for one in found)


def test_points_used_above_the_most_of_a_use(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 30)
    made.town.issue(member, 20)
    made.town.redeem(member, 45)

    def larger(leaf: Settling) -> Settling:
        return saying(leaf, amount=46, price=46)

    found = findings(lie(made, "redemption", larger), "rewards")
    assert any(one.detail == "points were spent against redemption.max_points" for one in found)
