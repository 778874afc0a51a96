"""A batch whose block left the chain lands again elsewhere, as another attempt, or fails: the ledger follows, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from anvil_node import CHAIN_ID, Anvil
from settlement_programme import Programme
from sqlalchemy import select

from token_service.chain import reads
from token_service.chain.admin_operations import drive
from token_service.chain.settlement import PushMemory, finalize, index, plan, push, track
from token_service.chain.settlement.bumping import bump
from token_service.chain.settlement.lanes import Lane, read_lane
from token_service.ledger.settlement_tables import attempts, transactions
from token_service.protocol.calldata import encode_call
from token_service.protocol.events import BatchSettled, decode_log
from token_service.protocol.hashing import to_hex
from token_service.protocol.transactions import Transaction
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def lane(programme: Programme) -> Lane:
    with programme.store.read() as connection:
        return read_lane(connection)


def look(programme: Programme) -> None:
    """One pass that only reads."""
    index(programme.services)
    track(programme.services)
    finalize(programme.services)


def raws(programme: Programme) -> list[str]:
    """The signed bytes of the batch's attempts, the oldest first."""
    with programme.store.read() as connection:
        query = select(attempts.c.raw).join(transactions).where(transactions.c.batch_id.is_not(None))
        return [to_hex(bytes(raw)) for raw in connection.execute(query.order_by(attempts.c.bump)).scalars()]


def settled_seqs(programme: Programme) -> list[int]:
    node = programme.services.node
    logs = reads.logs(node, programme.contract, 0, reads.head(node).number)
    return [event.seq for event in map(decode_log, logs) if isinstance(event, BatchSettled)]


def finish(programme: Programme, anvil: Anvil, member: str, points: int) -> None:
    for _ in range(10):  # a busy machine may not have sent it within the first
        left = programme.settle(timeout_seconds=0.3)
        if left.is_settled:
            break
        anvil.mine(3)
    assert programme.settle().is_settled
    assert programme.balance(member) == points
    assert lane(programme).state == "active"
    assert {batch.state for batch in programme.batches()} == {"final"}


def test_a_batch_that_moves_to_another_block_is_told_from_there(own_programme: Programme, own_anvil: Anvil) -> None:
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.3)
    own_anvil.mine()
    look(own_programme)
    (before,) = own_programme.batches()
    own_anvil.request("anvil_reorg", 2, [[raws(own_programme)[0], 1]])
    for _ in range(2):
        look(own_programme)
    (after,) = own_programme.batches()
    assert (after.state, after.block_number) == ("mined", before.block_number + 1)
    assert after.block_hash != before.block_hash
    finish(own_programme, own_anvil, alice, 5)
    assert settled_seqs(own_programme) == [1]


def bumped(programme: Programme, anvil: Anvil) -> None:
    """A batch with two attempts, both of them sent, the newer one in a block."""
    anvil.request("evm_setAutomine", False)
    programme.with_limits(bump_after_seconds=0.0)
    plan(programme.services, flush=True)
    memory = PushMemory()
    push(programme.services, memory)
    assert bump(programme.services, memory) == 1
    push(programme.services, memory)
    anvil.mine()
    anvil.request("evm_setAutomine", True)
    programme.with_limits(bump_after_seconds=45.0)
    look(programme)
    assert programme.batches()[0].state == "mined"


def test_the_other_attempt_wins_after_a_reorganisation(own_programme: Programme, own_anvil: Anvil) -> None:
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    bumped(own_programme, own_anvil)
    won = own_programme.batches()[0].transaction_hash
    own_anvil.request("anvil_reorg", 1, [[raws(own_programme)[0], 0]])
    for _ in range(2):
        look(own_programme)
    assert own_programme.batches()[0].transaction_hash not in (None, won)
    finish(own_programme, own_anvil, alice, 5)
    assert settled_seqs(own_programme) == [1]


def test_a_batch_that_fails_after_a_reorganisation_is_sent_anew_at_depth(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    alice = own_programme.member()
    leaf_id = own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.3)
    admin = own_programme.services.admin
    nonce = reads.transaction_count(own_programme.services.node, admin)
    pause = Transaction(CHAIN_ID, nonce, 10**9, 10**11, 500_000, own_programme.contract, 0, encode_call("pause"))
    paused = to_hex(own_programme.services.signer().sign_transaction(admin, pause))
    own_anvil.request("anvil_reorg", 1, [[paused, 0], [raws(own_programme)[0], 0]])
    for _ in range(2):
        look(own_programme)
    assert own_programme.balance(alice) == 0
    assert own_programme.leaf(leaf_id).state == "batched"
    assert lane(own_programme).state == "draining"  # not before it is final is anything decided
    own_anvil.mine(3)
    look(own_programme)
    own_programme.settle(timeout_seconds=0.3)
    assert (lane(own_programme).state, lane(own_programme).code) == ("blocked", "paused")
    drive(replace(own_programme.services, depth=0), [own_programme.order("unpause")])
    finish(own_programme, own_anvil, alice, 5)
    assert settled_seqs(own_programme) == [1]


def test_a_failed_batch_that_a_reorganisation_lets_succeed_ends_the_draining(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    admin = own_programme.services.admin
    nonce = reads.transaction_count(own_programme.services.node, admin)
    pause = Transaction(CHAIN_ID, nonce, 10**9, 10**11, 500_000, own_programme.contract, 0, encode_call("pause"))
    own_anvil.request("eth_sendRawTransaction", to_hex(own_programme.services.signer().sign_transaction(admin, pause)))
    plan(own_programme.services, flush=True)
    push(own_programme.services, PushMemory())
    while lane(own_programme).state != "draining":
        look(own_programme)
    own_anvil.request("anvil_reorg", 2, [[raws(own_programme)[0], 0]])
    for _ in range(2):
        look(own_programme)
    assert lane(own_programme).state == "active"
    finish(own_programme, own_anvil, alice, 5)
    assert settled_seqs(own_programme) == [1]


def test_a_reorganisation_while_fees_are_raised_leaves_one_batch(own_programme: Programme, own_anvil: Anvil) -> None:
    """The block leaves the chain between the replacement's commit and its sending."""
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.3)
    own_anvil.request("evm_setAutomine", False)
    own_anvil.request("anvil_reorg", 1, [])
    index(own_programme.services)
    own_programme.with_limits(bump_after_seconds=0.0)
    memory = PushMemory()
    push(own_programme.services, memory)
    assert bump(own_programme.services, memory) == 1
    own_anvil.mine()
    look(own_programme)
    assert own_programme.batches()[0].state == "mined"
    own_anvil.request("anvil_reorg", 1, [])
    own_programme.with_limits(bump_after_seconds=45.0)
    own_anvil.request("evm_setAutomine", True)
    finish(own_programme, own_anvil, alice, 5)
    assert settled_seqs(own_programme) == [1]
    assert len(raws(own_programme)) == 2


def test_a_dropped_transaction_in_the_middle_is_sent_again(own_programme: Programme, own_anvil: Anvil) -> None:
    alice = own_programme.member()
    own_programme.with_limits(batch_entries_max=1)
    own_programme.record_many([(alice, EntryKind.ISSUANCE, 5, None)] * 3)
    own_anvil.request("evm_setAutomine", False)
    assert all(plan(own_programme.services, flush=True) for _ in range(3))
    push(own_programme.services, PushMemory())
    with own_programme.store.read() as connection:
        query = select(attempts.c.hash).join(transactions).where(transactions.c.batch_id.is_not(None))
        hashes = connection.execute(query.order_by(transactions.c.nonce)).scalars().all()
    own_anvil.request("anvil_dropTransaction", hashes[1])
    own_anvil.request("evm_setAutomine", True)
    own_anvil.mine()
    finish(own_programme, own_anvil, alice, 15)
    assert settled_seqs(own_programme) == [1, 2, 3]
