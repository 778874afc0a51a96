"""The process dies between any commit and any network call, and a new one goes on: every entry settles exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from anvil_node import CHAIN_ID, Anvil
from faulty_node import FaultyNode
from settlement_programme import Crash, Programme, deployed, make_programme
from sqlalchemy import select

from token_service.chain import reads
from token_service.errors import NodeUnreachable
from token_service.ledger.settlement_tables import attempts, lanes, transactions
from token_service.ledger.store import Store
from token_service.protocol.events import BatchSettled, decode_log
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")

SETTLING = (
    "plan.before_commit",
    "plan.after_commit",
    "receipts.before_write",
    "receipts.after_write",
    "push.before_send",
    "push.after_send",
    "push.before_commit",
    "push.after_commit",
    "index.before_commit",
    "index.after_commit",
    "finalize.before_commit",
    "finalize.after_commit",
)
"""Every place in the way of a batch that has its block to itself, in order. `test_the_list_of_places_is_complete` keeps it so."""
TRACKING = ("track.before_commit", "track.after_commit")
"""The places on top in the way of what is no batch, and of batches that share a block."""
DEPLOYING = ("admin.before_commit", "admin.after_commit", *SETTLING[4:], *TRACKING)


def test_the_list_of_places_is_complete(programme: Programme) -> None:
    programme.failpoints.passed.clear()
    programme.record(programme.member(), EntryKind.ISSUANCE, 1)
    programme.settle()
    assert set(programme.failpoints.passed) == set(SETTLING)


@pytest.mark.parametrize("place", SETTLING)
@pytest.mark.parametrize("batch", [1, 2])
def test_dying_at_any_place_settles_every_entry_exactly_once(programme: Programme, place: str, batch: int) -> None:
    programme.with_limits(batch_entries_max=2)
    people = [programme.member() for _ in range(3)]
    for points, person in enumerate(people, start=1):
        programme.record(person, EntryKind.ISSUANCE, points)
    programme.failpoints.passed.clear()
    programme.failpoints.at = (place, batch)
    try:
        programme.settle()
    except Crash:
        pass
    else:
        assert batch == 2, "only a second pass through this place may not happen"
    programme.failpoints.at = None
    assert programme.settle().is_settled
    assert [programme.balance(person) for person in people] == [1, 2, 3]
    assert_exactly_once(programme)


@pytest.mark.parametrize("place", sorted(set(DEPLOYING)))
@pytest.mark.parametrize("occurrence", [1, 3])
def test_a_deployment_that_dies_anywhere_goes_on(bare: Programme, place: str, occurrence: int) -> None:
    bare.failpoints.at = (place, occurrence)
    try:
        deployed(bare)
    except Crash:
        deployed(bare)
    bare.failpoints.at = None
    alice = bare.member()
    bare.record(alice, EntryKind.ISSUANCE, 3)
    assert bare.settle().is_settled
    assert bare.balance(alice) == 3
    with bare.store.read() as connection:
        creations = select(transactions.c.id).where(transactions.c.to.is_(None))
        assert len(connection.execute(creations).all()) == 1


@pytest.fixture
def wired(sqlite_store: Store, anvil: Anvil, tmp_path: Path) -> tuple[Programme, FaultyNode]:
    """A deployed programme whose wire to the node can be cut."""
    wire = FaultyNode(anvil.node)
    programme = make_programme(store=sqlite_store, node=wire, folder=tmp_path, chain_id=CHAIN_ID, fund=anvil.fund)
    deployed(programme)
    return programme, wire


def test_nothing_is_ever_sent_that_is_not_stored_and_filed(wired: tuple[Programme, FaultyNode]) -> None:
    programme, wire = wired
    wire.before_send = _check_stored(programme)
    for points in (1, 2):
        programme.record(programme.member(), EntryKind.ISSUANCE, points)
        programme.settle()
    programme.order("pause")
    programme.settle()
    assert len(wire.sent) >= 3


def _check_stored(programme: Programme) -> Callable[[bytes], None]:
    def check(raw: bytes) -> None:
        with programme.store.read() as connection:
            query = (
                select(transactions.c.batch_id)
                .join(attempts, attempts.c.transaction_id == transactions.c.id)
                .where(attempts.c.raw == raw)
            )
            (batch_id,) = connection.execute(query).one()
        if batch_id is not None:
            filed = list((programme.services.receipts_dir / programme.services.operator.lower()).iterdir())
            assert len(filed) >= batch_id

    return check


@pytest.mark.parametrize("fault", ["lose_answers", "refuse"])
def test_an_answer_that_is_lost_or_a_send_that_never_arrives_changes_nothing(
    wired: tuple[Programme, FaultyNode], fault: str
) -> None:
    programme, wire = wired
    setattr(wire, fault, 1)
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 4)
    programme.settle()
    assert programme.settle().is_settled
    assert programme.balance(alice) == 4
    assert_exactly_once(programme)


def test_a_node_that_is_down_is_waited_for(wired: tuple[Programme, FaultyNode]) -> None:
    programme, wire = wired
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 4)
    wire.is_down = True
    with pytest.raises(NodeUnreachable):
        programme.settle(timeout_seconds=0.2)
    assert programme.batches() == []
    wire.is_down = False
    assert programme.settle().is_settled
    assert_exactly_once(programme)


def assert_exactly_once(programme: Programme) -> None:
    """One canonical event for each batch, no gap in nonces, all attempts of a transaction alike; lane by lane."""
    node = programme.services.node
    logs = reads.logs(node, programme.contract, 0, reads.head(node).number)
    settled = [event for event in map(decode_log, logs) if isinstance(event, BatchSettled)]
    assert {batch.state for batch in programme.batches()} == {"final"}
    with programme.store.read() as connection:
        found = connection.execute(select(lanes)).all()
    assert {event.operator for event in settled} <= {lane.operator for lane in found}
    for lane in found:
        numbers = [event.seq for event in settled if event.operator == lane.operator]
        planned = [batch.seq for batch in programme.batches() if batch.operator == lane.operator]
        assert numbers == planned == list(range(1, len(numbers) + 1))
        with programme.store.read() as connection:
            query = select(transactions.c.nonce, transactions.c.state)
            mine = query.where(transactions.c.operator == lane.operator).order_by(transactions.c.nonce)
            rows = connection.execute(mine).all()
        assert [row.nonce for row in rows] == list(range(len(rows)))
        assert {row.state for row in rows} <= {"final"}
        assert (lane.next_nonce, lane.next_seq) == (len(rows), len(numbers) + 1)
        assert lane.state in ("active", "disabled")
