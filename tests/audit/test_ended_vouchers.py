"""Lies about vouchers with an end: used after it, ended too early, points kept that come back and given that are lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from token_service.audit.accounts import vouchers
from token_service.audit.accounts.account import Account
from token_service.ledger.context import Actor
from token_service.ledger.details import instant
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewReversal, NewVoucher, NewVoucherUse
from token_service.ledger.merging import merge_members
from token_service.ledger.redemptions import restore
from token_service.ledger.vouchers import buy_reward, use_voucher

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import bending, lie, named, only, saying

DAY = timedelta(days=1)
RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
rewards:
  - {id: tea, kind: gift, points: 40, voucher_valid: P10D, on_expiry: give_back}
  - {id: cake, kind: gift, points: 40, voucher_valid: P10D, on_expiry: lose}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


@pytest.fixture
def member(made: OpenedProgramme) -> str:
    member = made.town.member()
    made.town.buy(member, 20_000)
    return member


def buy(made: OpenedProgramme, member: str, reward: str = "tea") -> Any:
    new = NewVoucher(made.town.reference(), reward, None)
    return buy_reward(made.town.context, Actor.member(member), new).value


def use(made: OpenedProgramme, voucher: Any) -> None:
    use_voucher(made.town.context, made.town.alice, NewVoucherUse(made.town.reference(), voucher.code))


def time_passes(made: OpenedProgramme) -> None:
    made.town.clock.forward(11 * DAY)
    run_due(made.town.context)


def test_an_honest_programme_with_ended_vouchers_holds(made: OpenedProgramme, member: str) -> None:
    other = made.town.member()
    made.town.buy(other, 20_000)
    for one in (member, other):
        use(made, buy(made, one))
        for reward in ("tea", "tea", "cake"):
            last = buy(made, one, reward)
    merge_members(made.town.context, Actor.admin("alma"), other, member, "the same person")
    time_passes(made)
    new = NewReversal(made.town.reference(), reason="was in hospital")
    restore(made.town.context, Actor.admin("alma"), last.redemption_id, new)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_voucher_that_is_used_after_its_end(made: OpenedProgramme, member: str) -> None:
    """It was used in time, and is told as used two days later."""
    bought = buy(made, member)
    made.town.clock.forward(9 * DAY)
    use(made, bought)
    made.town.clock.forward(2 * DAY)
    late = instant(made.town.clock.at)
    report = lie(made, "voucher_used", lambda leaf: saying(leaf, recorded_at=late, occurred_at=late))
    assert "after its end" in named(report, "rewards").detail


def test_a_voucher_that_ends_too_early(made: OpenedProgramme, member: str) -> None:
    buy(made, member)
    sooner = instant(made.town.clock.at + 3 * DAY)
    time_passes(made)
    report = lie(made, "voucher_expired", lambda leaf: saying(leaf, recorded_at=sooner, occurred_at=sooner))
    assert "too early" in named(report, "rewards").detail
    only(report, "rewards")


def test_points_of_an_ended_voucher_that_are_kept(made: OpenedProgramme, member: str) -> None:
    """All but one of them come back."""
    buy(made, member)
    time_passes(made)
    report = lie(made, "restoration", lambda leaf: saying(leaf, amount=39, points=39, lots=_less(leaf)))
    assert (named(report, "restorations").expected, named(report, "restorations").found) == ("40", "39")


def _less(leaf: Settling) -> list[dict[str, Any]]:
    (lot,) = leaf.detail["lots"]
    return [lot | {"points": lot["points"] - 1}]


def test_points_that_do_not_come_back_at_all(made: OpenedProgramme, member: str) -> None:
    """Nothing follows: an hour later the auditor names it."""
    buy(made, member)
    time_passes(made)
    made.bend = bending("restoration", lambda _: None)
    made.settle()
    made.bend = list
    made.town.clock.forward(DAY)
    made.town.buy(made.town.member(), 2_000)
    made.settle()
    (found,) = findings(made.audit(), "restorations")
    assert "did not come back" in found.detail


def test_an_end_that_is_said_to_lose_what_comes_back(made: OpenedProgramme, member: str) -> None:
    buy(made, member)
    time_passes(made)
    report = lie(made, "voucher_expired", lambda leaf: saying(leaf, on_expiry="lose"))
    assert "what becomes of an ended voucher's points" in named(report, "rewards").detail
    only(report, "rewards")


def test_points_that_the_service_gives_back_though_they_are_lost(made: OpenedProgramme, member: str) -> None:
    lost = buy(made, member, "cake")
    time_passes(made)
    new = NewReversal(made.town.reference(), reason="was in hospital")
    restore(made.town.context, Actor.admin("alma"), lost.redemption_id, new)
    report = lie(made, "restoration", lambda leaf: saying(leaf, actor="service"))
    assert "that were lost" in named(report, "restorations").detail


def test_what_comes_back_of_a_voucher_may_wait_behind_a_freeze() -> None:
    account = Account("0x01", owes_back="red_1", owes_back_since=0)
    assert len(vouchers.untold(account, datetime(2026, 1, 1, tzinfo=UTC))) == 1
    account.is_frozen = True
    assert vouchers.untold(account, datetime(2026, 1, 1, tzinfo=UTC)) == []
