"""Points with an expiry of their own: what is bought, given back, moved, restored and rebuilt with them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from ledger_town import ADMIN, DAY, START, Make, Town, rules
from test_repairing import copied, gap_of, repaired  # noqa: F401 (fixture)

from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent
from token_service.ledger.merging import merge_members
from token_service.ledger.notice_lists import list_of_member
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.store import Store

WEEKEND = "{id: weekend, until: 2026-03-31, award: {multiplier_percent: 200, expiry: {kind: date, on: 2026-04-30}}}"
EASTER = datetime(2026, 4, 30, 22, tzinfo=UTC)
"""The end of 30 April in Paris."""
YEAR = START + timedelta(days=365)
DOUBLED = rules(campaigns=f"[{WEEKEND}]", expiry="{kind: fixed, period: P12M}")
SLEEPING = rules(campaigns=f"[{WEEKEND}]", expiry="{kind: inactivity, period: P90D}")


def dates(town: Town, member: str) -> list[tuple[datetime, int]]:
    return [(one.at, one.points) for one in town.balance(member).expiring]


def test_double_points_this_weekend_to_be_used_by_a_day(make: Make) -> None:
    """The issue: "double points this weekend, to be used by 31 January"."""
    town = make(DOUBLED)
    member = town.member()
    bought = town.buy(member, 2_300).value
    assert (bought.points, town.balance(member).available) == (46, 46)
    assert dates(town, member) == [(EASTER, 23), (YEAR, 23)]
    lines = town.statement(member)
    assert [(line.kind, line.points) for line in lines] == [("issuance", 23), ("issuance", 23)]
    assert {line.reference for line in lines} == {bought.reference}
    assert [line.facts.get("keeps_date", False) for line in lines] == [True, False]
    town.pass_time(60 * DAY)
    assert town.moves(member)[2:] == [("expiry", -23)]
    assert dates(town, member) == [(YEAR, 23)]
    town.check()


def test_the_same_purchase_again_gives_nothing_more(make: Make) -> None:
    town = make(DOUBLED)
    new = {"reference": "till-1", "occurred_at": START}
    member = town.member()
    first, again = (town.buy(member, 2_300, **new) for _ in range(2))
    assert (first.value, again.replayed) == (again.value, True)
    assert town.balance(member).available == 46


def test_what_is_used_first_is_what_expires_first_and_it_comes_back_with_its_date(make: Make) -> None:
    town = make(DOUBLED)
    member = town.member()
    town.buy(member, 2_300)
    used = town.redeem(member, 30).value
    assert dates(town, member) == [(YEAR, 16)]
    town.restore(used.id)
    assert dates(town, member) == [(EASTER, 23), (YEAR, 23)]
    town.check()


def test_a_reversal_takes_its_own_purchases_lots_first_the_earliest_date_first(make: Make) -> None:
    town = make(DOUBLED)
    member = town.member()
    town.issue(member, 10)
    bought = town.buy(member, 2_300).value
    refund = town.refund(bought.id, 1_500).value
    assert (refund.kept, refund.reversed) == (16, 30)
    assert dates(town, member) == [(YEAR, 26)]
    town.refund(bought.id, 800)
    assert dates(town, member) == [(YEAR, 10)]
    town.check()


def test_it_comes_to_the_same_whether_the_return_window_is_over_or_not(make: Make) -> None:
    town = make(DOUBLED + "return_window: P14D\n")
    member = town.member()
    bought = town.buy(member, 2_300).value
    town.refund(bought.id, 800)
    town.pass_time(14 * DAY)
    assert town.balance(member).available == 30
    assert dates(town, member) == [(EASTER, 7), (YEAR, 23)]
    assert town.balance(member).pending == 0
    town.check()


def test_activity_moves_the_programmes_dates_and_leaves_an_own_one_alone(make: Make) -> None:
    town = make(SLEEPING)
    member = town.member()
    town.buy(member, 2_300)
    assert dates(town, member) == [(EASTER, 23), (START + 90 * DAY - timedelta(hours=1), 23)]
    town.pass_time(40 * DAY)
    town.buy(member, 100)
    moved = START + 130 * DAY
    assert dates(town, member) == [(EASTER, 23), (moved, 24)]
    town.check()


def test_points_that_move_to_another_account_keep_their_own_date(make: Make) -> None:
    town = make(SLEEPING)
    old, kept = town.member(), town.member()
    town.buy(old, 2_300)
    town.settle_all()
    for actor in (ADMIN, ADMIN.admin("bob")):
        merge_members(town.context, actor, old, kept, "the same person")
    town.pass_time(40 * DAY)
    town.buy(kept, 100)
    assert dates(town, kept) == [(EASTER, 23), (START + 130 * DAY, 24)]
    town.check()


def test_debt_is_paid_behind_the_last_part(make: Make) -> None:
    town = make(DOUBLED)
    member = town.member()
    first = town.buy(member, 2_300).value
    town.redeem(member, 46)
    assert town.refund(first.id, 2_300).value.debt == 46
    town.buy(member, 5_000)
    assert town.moves(member)[-3:] == [("issuance", 50), ("issuance", 50), ("reversal", -46)]
    assert dates(town, member) == [(EASTER, 4), (YEAR, 50)]
    town.check()


@pytest.mark.parametrize(
    ("own", "until"),
    [
        ("{kind: fixed, period: P30D}", START + 30 * DAY - timedelta(hours=1)),
        ("{kind: period_end, period: year}", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("{kind: none}", None),
    ],
)
def test_an_event_gives_points_with_a_date_of_their_own(make: Make, own: str, until: datetime | None) -> None:
    """The issue: "birthday points valid for 30 days", "these never expire"."""
    gives = f"{{id: review, kind: event, event: review.written, points: 40, expiry: {own}}}"
    rule = rules(expiry="{kind: fixed, period: P12M}").replace("rounding: floor}]", f"rounding: floor}}, {gives}]")
    town = make(rule)
    member = town.member()
    send_event(town.context, town.alice, NewEvent("r-1", "review.written", START, member))
    assert town.balance(member).available == 40
    assert dates(town, member) == ([] if until is None else [(until, 40)])
    town.check()


def test_the_notice_tells_of_the_points_that_expire_alone(make: Make) -> None:
    town = make(DOUBLED)
    member = town.member()
    town.buy(member, 2_300)
    town.pass_time(45 * DAY)
    page = list_of_member(town.context, ADMIN, member, limit=10).page
    assert [one.data["points"] for one in page if one.kind == "points.expiring"] == [23]


@pytest.mark.parametrize("seed", range(3))
def test_a_repair_brings_back_every_part_with_its_date(
    make: Make,
    copied: Callable[[Store], Store],  # noqa: F811
    seed: int,
) -> None:
    town = make(SLEEPING)
    member = town.member()
    copy = copied(town.context.store)
    town.buy(member, 2_300)
    town.pass_time(40 * DAY)
    town.buy(member, 100)
    town.redeem(member, 5)
    again, _, closed = repaired(town, copy, gap_of(town, random.Random(seed)))
    assert closed == []
    assert dates(again, member) == dates(town, member)
    assert check_rebuild(again.context) == []
    again.check()
