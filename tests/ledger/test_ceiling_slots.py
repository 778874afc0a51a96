"""Room set aside for connections: nobody waits for the merchant's counter, and the ceiling means what it says to the point."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import func, select

from token_service.errors import CeilingReached
from token_service.ledger import ceilings, tables
from token_service.ledger.merchants import get_merchant, set_ceiling
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.transaction import Transaction

CALLERS = 8


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(), ceiling_points=10_000)


def used(town: Town) -> int:
    return get_merchant(town.context, ADMIN, merchant_id(town)).ceiling.used


def merchant_id(town: Town) -> str:
    assert town.alice.merchant_id is not None
    return town.alice.merchant_id


def set_aside(town: Town) -> int:
    with town.context.store.read() as connection:
        return int(
            connection.execute(select(func.coalesce(func.sum(tables.ceiling_slots.c.points_left), 0))).scalar_one()
        )


def fill(town: Town, points: int) -> int:
    """How much was issued before the ceiling said no."""
    member, issued = town.member(), 0
    for _ in range((10_000 - used(town)) // points):
        town.issue(member, points)
        issued += points
    with pytest.raises(CeilingReached) as refusal:
        town.issue(member, points)
    assert refusal.value.facts["remaining"] == 10_000 - used(town)
    return issued


def test_some_room_is_set_aside_only_where_writers_run_beside_each_other(town: Town) -> None:
    for _ in range(2):  # the first one begins the window
        town.issue(town.member(), 10)
    assert set_aside(town) == (0 if town.context.store.is_sqlite else (10_000 - 20) // 128)
    assert used(town) == 20


def test_what_is_set_aside_is_issued_in_the_end(town: Town) -> None:
    assert fill(town, 70) == 9_940
    assert used(town) == 9_940
    town.issue(town.member(), 60)
    assert (used(town), set_aside(town)) == (10_000, 0)
    assert check_rebuild(town.context) == []


def test_a_lower_ceiling_leaves_nothing_set_aside(town: Town) -> None:
    member = town.member()
    town.issue(member, 5)
    town.issue(member, 5)
    set_ceiling(town.context, ADMIN, merchant_id(town), 50, 0)
    assert (used(town), set_aside(town)) == (10, 0)
    with pytest.raises(CeilingReached):
        town.issue(member, 41)
    town.issue(member, 40)
    assert used(town) == 50


def test_a_raised_ceiling_sets_room_aside_again(town: Town) -> None:
    with town.context.store.write() as connection:
        connection.execute(tables.program.update().values(notice_period_seconds=86_400))
    member = town.member()
    town.issue(member, 5)
    raised = set_ceiling(town.context, ADMIN, merchant_id(town), 20_000, 90_000).ceiling
    assert (raised.points, raised.next_points, raised.used) == (10_000, 20_000, 5)
    town.clock.forward(DAY)
    for _ in range(2):
        town.issue(member, 10)
    assert set_aside(town) == (0 if town.context.store.is_sqlite else (20_000 - 25) // 128)
    acts = get_merchant(town.context, ADMIN, merchant_id(town)).ceiling
    assert (acts.points, acts.period_seconds, acts.next_points, acts.used) == (20_000, 90_000, None, 25)
    with pytest.raises(CeilingReached):
        town.issue(member, 19_976)
    town.issue(member, 19_975)
    town.check()


def test_a_rebuild_counts_what_was_issued(town: Town) -> None:
    member = town.member()
    town.issue(member, 5)
    town.issue(member, 5)
    rebuild(town.context)
    assert set_aside(town) == 0
    town.issue(member, 10)
    assert used(town) == 20


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_room_that_comes_back_meanwhile_is_not_refused(town: Town) -> None:
    member, other = town.member(), town.member()
    for points in (10, 10, 10, 9_880):
        town.issue(member, points)
    with town.context.store.write() as connection:
        tx = Transaction(town.context, connection)
        party = tx.merchant(merchant_id(town)).party  # the counter as it was, with what lay aside
        town.issue(other, 30)  # needs what lies aside
        assert set_aside(town) == 0
        ceilings.charge(tx, party, 10_000 - used(town))
        with pytest.raises(CeilingReached) as refusal:
            ceilings.charge(tx, party, 1)
        assert json.dumps(refusal.value.facts["remaining"]) == "0"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_callers_beside_each_other_fill_it_exactly(town: Town) -> None:
    members = [town.member() for _ in range(CALLERS)]

    def call(member_id: str) -> int:
        issued = 0
        for number in range(20):
            try:
                town.issue(member_id, 70, reference=f"{member_id}-{number}")
            except CeilingReached:
                continue
            issued += 70
        return issued

    with ThreadPoolExecutor(CALLERS) as pool:
        assert sum(pool.map(call, members)) == 9_940
    assert used(town) == 9_940
    town.check()
