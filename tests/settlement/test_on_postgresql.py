"""The same on PostgreSQL: the whole way, dying in the middle, two workers at once."""

from __future__ import annotations

import threading

import pytest
from settlement_programme import Crash, Programme
from test_dying_anywhere import SETTLING, assert_exactly_once

from token_service.ledger.gas_spending import gas_spending
from token_service.units import EntryKind
from token_service.worker import Worker, settle_until_idle

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.mark.parametrize("place", [SETTLING[0], SETTLING[1], SETTLING[5], SETTLING[8], SETTLING[10]])
def test_dying_in_the_middle_settles_every_entry_exactly_once(on_postgresql: Programme, place: str) -> None:
    people = [on_postgresql.member() for _ in range(3)]
    for points, person in enumerate(people, start=1):
        on_postgresql.record(person, EntryKind.ISSUANCE, points)
        on_postgresql.record(person, EntryKind.FACT)
    on_postgresql.failpoints.passed.clear()
    on_postgresql.failpoints.at = (place, 1)
    with pytest.raises(Crash):
        on_postgresql.settle()
    assert on_postgresql.settle().is_settled
    assert [on_postgresql.balance(person) for person in people] == [1, 2, 3]
    assert_exactly_once(on_postgresql)


def test_two_workers_at_once_settle_every_entry_exactly_once(on_postgresql: Programme) -> None:
    on_postgresql.with_limits(batch_entries_max=3)
    alice = on_postgresql.member()
    on_postgresql.record_many([(alice, EntryKind.ISSUANCE, 1, None) for _ in range(30)])
    workers = [threading.Thread(target=settle_until_idle, args=(on_postgresql.worker(), 30)) for _ in range(2)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(timeout=60)
    assert on_postgresql.settle().is_settled
    assert on_postgresql.balance(alice) == 30
    assert_exactly_once(on_postgresql)


def test_a_days_gas_is_summed_and_bounded(on_postgresql: Programme) -> None:
    alice = on_postgresql.member()
    on_postgresql.record(alice, EntryKind.ISSUANCE, 5)
    assert on_postgresql.settle().is_settled
    with on_postgresql.store.read() as connection:
        spending = gas_spending(connection, on_postgresql.clock())
    assert spending.spent_gwei == spending.at_most_gwei > 0
    on_postgresql.with_limits(gas_budget_per_day=spending.spent_gwei * 10**9)
    on_postgresql.record(alice, EntryKind.ISSUANCE, 5)
    on_postgresql.settle(timeout_seconds=0.2)
    assert on_postgresql.balance(alice) == 5
    on_postgresql.with_limits(gas_budget_per_day=10**18)
    assert on_postgresql.settle().is_settled
    assert on_postgresql.balance(alice) == 10


def test_an_idle_pass_passes_no_commit(on_postgresql: Programme) -> None:
    on_postgresql.record(on_postgresql.member(), EntryKind.ISSUANCE, 5)
    on_postgresql.settle()
    worker = Worker(on_postgresql.worker())
    assert worker.run_pass() == 0  # takes its leases
    on_postgresql.failpoints.passed.clear()
    assert worker.run_pass() == 0
    assert on_postgresql.failpoints.passed == []
