"""Lies about points that paid part of a purchase: a redemption that cannot have paid, and restorations that no refund gives."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from token_service.audit.accounts import payments
from token_service.audit.accounts.account import Account, DueBack
from token_service.ledger.context import Actor
from token_service.ledger.holds import capture, hold
from token_service.ledger.inputs import NewCapture, NewHold, NewReversal
from token_service.ledger.merging import merge_members
from token_service.ledger.redemptions import restore

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import lie, named, only, saying

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  levels: [{id: bronze, from: 0}, {id: gold, from: 10000, multiplier_percent: 200}]
challenges:
  - {id: big, count: {kind: spend}, target: 6000, award: {points: 5}}
rewards: [{id: coffee, kind: gift, points: 40}]
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


@pytest.fixture
def member(made: OpenedProgramme) -> str:
    member = made.town.member()
    made.town.issue(member, 250)
    return member


def buy(made: OpenedProgramme, member: str, points: int = 100, total: int = 2_000) -> Any:
    paid_by = made.town.redeem(member, points).value.id
    said = {"paid_with_points": points * 10, "paid_by": paid_by}
    return made.town.buy(member, total, **said).value


def test_an_honest_programme_with_purchases_paid_with_points_holds(made: OpenedProgramme, member: str) -> None:
    """With a level and a challenge that a refund takes back, points restored on their own, and two accounts that became one."""
    for parts in ((2_000,), (500, 700, 800), (1,)):
        purchase = buy(made, member, 50)
        for amount in parts:
            made.town.refund(purchase.id, amount)
    big = buy(made, member, 30, total=10_000)
    restore(made.town.context, made.town.alice, big.paid_by, NewReversal(made.town.reference(), points=10))
    for amount in (4_500, 5_500):
        made.town.refund(big.id, amount)
    held = hold(made.town.context, made.town.alice, NewHold(made.town.reference(), member, 20)).value
    paid_by = capture(made.town.context, made.town.alice, held.id, NewCapture(15)).value.id
    made.town.refund(made.town.buy(member, 2_000, paid_with_points=150, paid_by=paid_by).value.id, 2_000)
    other, kept = made.town.member(), buy(made, member, 40)
    merge_members(made.town.context, Actor.admin("alma"), member, other, "the same person")
    made.town.refund(kept.id, 1_000)
    made.town.refund(kept.id, 1_000)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


@pytest.mark.parametrize("with_refund", [True, False])
def test_points_that_came_back_to_a_merged_account_had_paid_all_the_same(
    made: OpenedProgramme, member: str, with_refund: bool
) -> None:
    """One batch settles all: the account that went is replayed to its end before the purchase of the one that stays."""
    paid_by, other = made.town.redeem(member, 100).value.id, made.town.member()
    merge_members(made.town.context, Actor.admin("alma"), member, other, "the same person")
    purchase = made.town.buy(other, 2_000, paid_with_points=1_000, paid_by=paid_by).value
    if with_refund:
        made.town.refund(purchase.id, 2_000)
    else:
        restore(made.town.context, made.town.alice, paid_by, NewReversal(made.town.reference()))
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"paid_by": "red_nothing"}, "names a redemption that is not there"),
        ({"paid_with_points": 1_001}, "does not cover"),
    ],
)
def test_a_redemption_that_cannot_have_paid_is_named(
    made: OpenedProgramme, member: str, changed: dict[str, Any], said: str
) -> None:
    buy(made, member)
    assert said in named(lie(made, "issuance", _purchases(changed)), "restorations").detail


def test_a_redemption_that_pays_twice_is_named(made: OpenedProgramme, member: str) -> None:
    first = buy(made, member)
    buy(made, member)
    report = lie(made, "issuance", _purchases({"paid_by": first.paid_by}))
    assert "pays for two purchases" in named(report, "restorations").detail


def test_a_refund_that_gives_another_share_is_named(made: OpenedProgramme, member: str) -> None:
    made.town.refund(buy(made, member).id, 1_000)
    report = lie(made, "reversal", lambda leaf: saying(leaf, restored=49))
    told = [one.detail for one in findings(report, "restorations")]
    assert told == ["what a refund gives back of what paid is another", "what comes back with a refund is another"]


def test_a_refund_for_a_merged_account_that_gives_more_than_its_share_is_named(
    made: OpenedProgramme, member: str
) -> None:
    kept, other = buy(made, member), made.town.member()
    merge_members(made.town.context, Actor.admin("alma"), member, other, "the same person")
    made.town.refund(kept.id, 1_000)
    report = lie(made, "reversal", lambda leaf: saying(leaf, restored=51))
    assert "more than its share" in named(report, "restorations").detail


def test_points_that_no_refund_gives_are_named(made: OpenedProgramme, member: str) -> None:
    purchase = buy(made, member)
    restore(made.town.context, made.town.alice, purchase.paid_by, NewReversal(made.town.reference(), points=10))
    report = lie(made, "restoration", lambda leaf: saying(leaf, refund="ref_nothing"))
    assert "for a refund that does not give them" in named(report, "restorations").detail
    only(report, "restorations")


def test_a_restoration_that_is_kept_from_its_refund_is_named(made: OpenedProgramme, member: str) -> None:
    """It is told as one that somebody made on its own, later."""
    made.town.refund(buy(made, member).id, 1_000)
    made.town.clock.forward(timedelta(hours=2))
    made.town.issue(member, 1)

    def change(leaf: Settling) -> Settling:
        return saying(leaf, refund=None)

    found = named(lie(made, "restoration", change), "restorations")
    assert "did not come back" in found.detail


def test_what_never_comes_is_told_after_an_hour_and_not_before(made: OpenedProgramme) -> None:
    at = made.town.clock.at
    account = Account("0xa", owes_for_refunds={"ref_1": DueBack("red_1", 50, at, int(at.timestamp()))})
    assert payments.untold(account, at + timedelta(minutes=59)) == []
    assert len(payments.untold(account, at + timedelta(minutes=61))) == 1


def _purchases(changed: dict[str, Any]) -> Any:
    """Changes the facts of purchases that points paid, the last one where there are two."""

    def change(leaf: Settling) -> Settling:
        said = leaf.detail.get("facts", {})
        if "paid_by" not in said or said["paid_by"] == changed.get("paid_by"):
            return leaf
        return saying(leaf, facts=said | changed)

    return change
