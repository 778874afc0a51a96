"""Lanes that spend at the same moment, each with its own connections as in a process of its own, stay in the day's budget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest
from anvil_node import Anvil
from settlement_programme import Programme
from sqlalchemy import func, select
from test_lanes import people_of_both_lanes, with_a_second_lane

from token_service.chain import fees, reads
from token_service.chain.services import ChainServices
from token_service.chain.settlement import PushMemory, plan, push
from token_service.chain.settlement.bumping import bump
from token_service.chain.settlement.lanes import read_lanes
from token_service.ledger.gas_spending import GasSpending, gas_spending, lock_spending
from token_service.ledger.settlement_tables import attempts
from token_service.ledger.store import open_store
from token_service.units import WEI_PER_GWEI, EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")
LANES = (0, 1)
PATIENCE_SECONDS = 30


class Meeting:
    """Every lane comes to this place before any of them goes on; once."""

    def __init__(self, place: str) -> None:
        self.place, self.is_over = place, False
        self.barrier = threading.Barrier(len(LANES), action=self._end)

    def __call__(self, name: str) -> None:
        if name == self.place and not self.is_over:
            self.barrier.wait(PATIENCE_SECONDS)

    def _end(self) -> None:
        self.is_over = True


@dataclass
class Lanes:
    """The workers of both lanes, their budget set."""

    programme: Programme
    services: list[ChainServices]

    def at_once(self, work: Callable[[ChainServices, int], object]) -> None:
        """Each lane does it, in a thread of its own."""
        with ThreadPoolExecutor(len(LANES)) as threads:
            for each in [threads.submit(work, self.services[number], number) for number in LANES]:
                each.result(PATIENCE_SECONDS)

    def spending(self) -> GasSpending:
        with self.programme.store.read() as connection:
            return gas_spending(connection, self.programme.clock())

    def states(self) -> list[tuple[str, str | None]]:
        with self.programme.store.read() as connection:
            return sorted((lane.state, lane.code) for lane in read_lanes(connection))


@contextmanager
def workers(programme: Programme, place: str) -> Iterator[Lanes]:
    """They meet at that place."""
    url = programme.store.engine.url.render_as_string(hide_password=False)
    meeting = Meeting(place)
    with ExitStack() as stack:
        made = []
        for _ in LANES:
            store = open_store(url)
            stack.callback(store.dispose)
            context = replace(programme.services.context, store=store)
            made.append(replace(programme.services, context=context, failpoint=meeting))
        yield Lanes(programme, made)


@pytest.fixture(params=["programme", "on_postgresql"])
def two_lanes(request: pytest.FixtureRequest, anvil: Anvil) -> Programme:
    """Two lanes at work, each with a member for whom something waits: once on SQLite and once on PostgreSQL."""
    found: Programme = request.getfixturevalue(request.param)
    with_a_second_lane(found, anvil)
    for (person,) in people_of_both_lanes(found, each=1).values():
        found.record(person, EntryKind.ISSUANCE, 5)
    return found


def with_room_for(programme: Programme, wei: int) -> int:
    """The day's budget in gwei, which now has room for so much more."""
    with programme.store.read() as connection:
        budget = gas_spending(connection, programme.clock()).at_most_gwei + -(-wei // WEI_PER_GWEI)
    programme.with_limits(gas_budget_per_day=budget * WEI_PER_GWEI)
    return budget


def one_batch_wei(programme: Programme) -> int:
    """The most that a batch of one entry may cost now."""
    node = programme.services.node
    offered = fees.quote(node, reads.head(node), programme.services.limits.max_fee_per_gas)
    return fees.settle_gas(1) * offered.max_fee_per_gas


def test_of_lanes_that_plan_at_once_only_as_many_do_as_the_budget_has_room_for(two_lanes: Programme) -> None:
    budget = with_room_for(two_lanes, one_batch_wei(two_lanes))
    with workers(two_lanes, "plan.before_commit") as both:
        both.at_once(lambda services, number: plan(services, number, flush=True))
        assert both.spending().at_most_gwei == budget
        assert len(two_lanes.batches()) == 1
        both.at_once(lambda services, number: plan(services, number, flush=True))
        assert len(two_lanes.batches()) == 1
        assert both.states() == [("active", None), ("blocked", "gas_budget")]
    two_lanes.with_limits(gas_budget_per_day=10**18)
    assert two_lanes.settle().is_settled
    assert len(two_lanes.batches()) == 2


def test_of_replacements_signed_at_once_only_as_many_are_stored_as_the_budget_has_room_for(
    two_lanes: Programme, anvil: Anvil
) -> None:
    two_lanes.with_limits(bump_after_seconds=0.0)
    anvil.request("evm_setAutomine", False)
    try:
        memories = [PushMemory() for _ in LANES]
        for number in LANES:
            assert plan(two_lanes.services, number, flush=True) is not None
            push(two_lanes.services, memories[number])
        budget = with_room_for(two_lanes, one_batch_wei(two_lanes) // 6)
        operators = [batch.operator for batch in two_lanes.batches()]
        with workers(two_lanes, "bump.before_commit") as both:
            both.at_once(lambda services, number: bump(services, memories[number], [operators[number]]))
            assert both.spending().at_most_gwei <= budget
            both.at_once(lambda services, number: bump(services, memories[number], [operators[number]]))
            assert both.spending().at_most_gwei <= budget
            assert replacements(two_lanes) == 1
            assert ("blocked", "gas_budget") in both.states()
    finally:
        anvil.request("evm_setAutomine", True)
        anvil.mine()
    two_lanes.with_limits(gas_budget_per_day=None)
    assert two_lanes.settle().is_settled


def replacements(programme: Programme) -> int:
    with programme.store.read() as connection:
        return int(connection.execute(select(func.count()).where(attempts.c.bump > 0)).scalar_one())


def test_a_lane_does_not_wait_for_one_that_stands_still_while_it_spends(on_postgresql: Programme) -> None:
    """On PostgreSQL; an SQLite ledger has one writer anyway."""
    with_room_for(on_postgresql, 4 * one_batch_wei(on_postgresql))
    on_postgresql.record(on_postgresql.member(), EntryKind.ISSUANCE, 5)
    with on_postgresql.store.write() as connection:
        assert lock_spending(connection)
        assert plan(on_postgresql.services, flush=True) is None
        on_postgresql.with_limits(gas_budget_per_day=None)
        assert plan(on_postgresql.services, flush=True) is not None, "it waits although there is no budget"
