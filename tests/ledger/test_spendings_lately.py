"""A member's day is judged by what may still bound it, not by a life of redemptions."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import event, select

from token_service.errors import CallerError
from token_service.ledger import tables
from token_service.ledger.causes import create_cause
from token_service.ledger.donations import donate
from token_service.ledger.hold_tables import holds
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import NewCapture, NewDonation, NewHold
from token_service.ledger.spendings import given_by, spent_by
from token_service.ledger.transaction import Transaction, read
from token_service.program.spending_limits import Spent, counts_since

HOUR = timedelta(hours=1)
LIMITS = "{per_member_day_points: 1000, cool_down: PT3H}"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(redemption=LIMITS, donations="{per_member_day_points: 1000}"))


def all_spent(tx: Transaction, member_id: str) -> list[Spent]:
    """Of the whole life, as slowly as can be."""
    done = tables.operations
    rows = tx.connection.execute(select(done).where(done.c.member_id == member_id)).all()
    made = {row.id: row.recorded_at for row in rows if row.kind == "hold"}
    found = []
    for row in rows:
        back = sum(one.facts["points"] for one in rows if one.kind == "restoration" and one.parent_id == row.id)
        if row.kind == "redemption":
            found.append(Spent(made.get(row.parent_id, row.recorded_at), row.facts["points"] - back))
    still = select(holds).where(holds.c.state == "open", holds.c.expires_at > tx.now)
    return found + [Spent(made[row.operation_id], row.points) for row in tx.connection.execute(still)]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_read_lately_is_what_counts_of_all(town: Town, seed: int) -> None:
    chance, member = random.Random(seed), town.member()
    town.issue(member, 500)
    redeemed: list[str] = []
    held: list[str] = []

    def step() -> None:
        points = chance.randint(1, 9)
        new = NewHold(town.reference(), member, points=points, expires_in=6 * HOUR)
        acts: list[Callable[[], object]] = [
            lambda: redeemed.append(town.redeem(member, points).value.id),
            lambda: held.append(hold(town.context, town.alice, new).value.id),
            lambda: town.restore(chance.choice(redeemed), 1),
            lambda: redeemed.append(capture(town.context, town.alice, held.pop(0), NewCapture(points=1)).value.id),
            lambda: release(town.context, town.alice, held.pop()),
        ]
        chance.choice(acts)()

    for _ in range(30):
        town.clock.forward(timedelta(minutes=chance.randint(10, 400)))
        try:
            step()
        except (CallerError, IndexError):
            continue

        def same(tx: Transaction) -> tuple[object, object]:
            since = counts_since(tx.ruleset(tx.ruleset_hash_at(tx.now)), tx.now)
            assert since is not None
            lately = [one for one in all_spent(tx, member) if one.at >= since]
            found = spent_by(tx, tx.account(member))
            return tuple(sorted((one.at, one.points) for one in found)), tuple(
                sorted((one.at, one.points) for one in lately)
            )

        found, wanted = read(town.context, same)
        assert found == wanted


def test_a_life_of_redemptions_and_gifts_is_not_read_to_judge_a_day(town: Town) -> None:
    cause = create_cause(town.context, ADMIN, "Banque alimentaire")
    member = town.member()
    town.issue(member, 500)
    for _ in range(12):
        town.redeem(member, 1)
        donate(town.context, town.alice, NewDonation(town.reference(), member, points=1, cause_id=cause.id))
        town.clock.forward(3 * DAY)
    town.redeem(member, 2)
    donate(town.context, town.alice, NewDonation(town.reference(), member, points=3, cause_id=cause.id))
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM operations" in statement and "recorded_at >=" in statement:
            asked.append((statement, values))

    event.listen(town.context.store.engine, "before_cursor_execute", note)
    now = town.clock.at
    assert read(town.context, lambda tx: spent_by(tx, tx.account(member))) == (Spent(now, 2),)
    assert read(town.context, lambda tx: given_by(tx, tx.account(member))) == (Spent(now, 3),)
    event.remove(town.context.store.engine, "before_cursor_execute", note)
    assert len(asked) == 2
    with town.context.store.ask() as connection:
        for statement, values in asked:
            assert len(connection.exec_driver_sql(statement, values).all()) == 1
            if town.context.store.is_sqlite:
                plan = str(connection.exec_driver_sql("explain query plan " + statement, values).all())
                assert "ix_operations_spent (member_id=? AND recorded_at>?)" in plan
