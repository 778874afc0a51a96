"""Transactions that fail on the chain, blocks that leave it, and keys that somebody else uses: nothing is lost or done twice."""

from __future__ import annotations

import pytest
from anvil_node import CHAIN_ID, Anvil
from settlement_programme import Programme
from sqlalchemy import select, update

from token_service.chain import reads
from token_service.chain.admin_operations import advance as sign_operations
from token_service.chain.admin_operations import drive
from token_service.chain.settlement import PushMemory, check_chain, finalize, index, plan, push, track
from token_service.chain.settlement.bumping import bump
from token_service.chain.settlement.lanes import Lane, read_lane
from token_service.errors import ChainOlderThanLedger, LaneHalted, WrongChain, WrongContract
from token_service.ledger.settlement_tables import attempts, batches, blocks, lanes, transactions
from token_service.ledger.tables import program
from token_service.protocol.calldata import encode_call
from token_service.protocol.events import BatchSettled, decode_log
from token_service.protocol.transactions import Transaction
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def lane(programme: Programme) -> Lane:
    with programme.store.read() as connection:
        return read_lane(connection)


def send_behind_our_back(programme: Programme, sender: str, to: str, data: bytes) -> None:
    """A transaction that the ledger knows nothing of, by whoever has the key too."""
    node = programme.services.node
    nonce = reads.transaction_count(node, sender)
    transaction = Transaction(CHAIN_ID, nonce, 10**9, 10**11, 500_000, to, 0, data)
    reads.send(node, programme.services.signer().sign_transaction(sender, transaction))


def advance(programme: Programme, memory: PushMemory | None = None) -> None:
    """One pass without planning."""
    services = programme.services
    push(services, memory or PushMemory())
    index(services)
    track(services)
    finalize(services)


def settled_seqs(programme: Programme) -> list[int]:
    node = programme.services.node
    logs = reads.logs(node, programme.contract, 0, reads.head(node).number)
    return [event.seq for event in map(decode_log, logs) if isinstance(event, BatchSettled)]


def test_batches_that_fail_while_the_program_is_paused_land_later_under_the_same_sequence(programme: Programme) -> None:
    alice = programme.member()
    programme.with_limits(batch_entries_max=1)
    for _ in range(3):
        programme.record(alice, EntryKind.ISSUANCE, 5)
    planned = [plan(programme.services, flush=True) for _ in range(3)]
    send_behind_our_back(programme, programme.services.admin, programme.contract, encode_call("pause"))
    while lane(programme).state != "blocked" or "planned" in {batch.state for batch in programme.batches()}:
        programme.settle(timeout_seconds=0.3)
    assert lane(programme).reason == "the program is paused"
    assert {batch.state for batch in programme.batches()} == {"reverted"}
    assert programme.balance(alice) == 0
    drive(programme.services, [programme.order("unpause")])
    assert programme.settle().is_settled
    assert [batch.id for batch in programme.batches()] == planned
    assert (programme.balance(alice), settled_seqs(programme)) == (15, [1, 2, 3])
    assert (lane(programme).state, lane(programme).reason) == ("active", None)
    with programme.store.read() as connection:
        query = select(transactions.c.nonce, transactions.c.state).where(transactions.c.batch_id.is_not(None))
        states = [row.state for row in connection.execute(query.order_by(transactions.c.nonce))]
    assert states == ["reverted"] * 3 + ["final"] * 3


def test_a_lane_without_its_role_is_blocked_and_says_so(programme: Programme) -> None:
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 5)
    drive(programme.services, [programme.order("revoke_role", role="settler", account=programme.services.operator)])
    while lane(programme).state != "blocked":
        programme.settle(timeout_seconds=0.3)
    assert "lacks the role" in str(lane(programme).reason)
    drive(programme.services, [programme.order("grant_role", role="settler", account=programme.services.operator)])
    assert programme.settle().is_settled
    assert programme.balance(alice) == 5


def test_a_nonce_that_somebody_else_used_halts_the_lane(programme: Programme) -> None:
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    plan(programme.services, flush=True)
    data = encode_call("settle", 1, "0x" + "00" * 32, "0x" + "00" * 32, [])
    send_behind_our_back(programme, programme.services.operator, programme.contract, data)
    for _ in range(20):
        advance(programme)
        if lane(programme).state == "halted":
            break
    assert "nonce 0 was used" in str(lane(programme).reason)
    with pytest.raises(LaneHalted, match="nonce 0 was used"):
        programme.settle()
    with programme.store.read() as connection:
        mine = select(transactions.c.state).where(transactions.c.batch_id.is_not(None))
        assert connection.execute(mine).scalar_one() == "foreign"


def test_an_operation_whose_nonce_somebody_else_used_has_failed(programme: Programme) -> None:
    """Nobody would hear of it otherwise while the contract is being deployed: there is no lane yet that could halt."""
    operation = programme.order("pause")
    sign_operations(programme.services)
    send_behind_our_back(programme, programme.services.admin, programme.contract, encode_call("unpause"))
    for _ in range(20):
        advance(programme)
        if programme.operation(operation).state == "failed":
            break
    assert "was used by a transaction that is not ours" in programme.operation(operation).error
    assert lane(programme).state == "halted"


def test_an_account_without_gas_money_blocks_its_lane_until_it_has_some(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    own_anvil.request("anvil_setBalance", own_programme.services.operator, "0x0")
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.3)
    assert (lane(own_programme).state, lane(own_programme).code) == ("blocked", "out_of_funds")
    own_anvil.fund(own_programme.services.operator)
    memory = PushMemory()
    advance(own_programme, memory)
    assert lane(own_programme).state == "active"
    own_anvil.mine(3)
    assert own_programme.settle().is_settled
    assert own_programme.balance(alice) == 5


def test_a_block_is_final_only_under_enough_others(own_programme: Programme, own_anvil: Anvil) -> None:
    leaf_id = own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    assert own_programme.leaf(leaf_id).state == "mined"
    own_anvil.mine()
    own_programme.settle(timeout_seconds=0.2)
    assert own_programme.leaf(leaf_id).state == "mined"
    own_anvil.mine()
    assert own_programme.settle().is_settled
    assert own_programme.leaf(leaf_id).state == "final"


def test_a_reorganisation_takes_a_batch_back_and_the_same_bytes_land_again(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    alice = own_programme.member()
    leaf_id = own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    (before,) = own_programme.batches()
    assert before.state == "mined"
    own_anvil.request("anvil_reorg", 1, [])
    assert own_programme.balance(alice) == 0
    index(own_programme.services)
    assert own_programme.leaf(leaf_id).state == "batched"
    assert own_programme.batches()[0].state == "planned"
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.mine(2)
    assert own_programme.settle().is_settled
    (after,) = own_programme.batches()
    assert (after.state, after.transaction_hash, own_programme.balance(alice)) == ("final", before.transaction_hash, 5)
    assert after.block_hash != before.block_hash
    assert settled_seqs(own_programme) == [1]
    with own_programme.store.read() as connection:
        assert connection.execute(select(attempts.c.id)).all()
        orphaned = connection.execute(select(blocks.c.hash).where(blocks.c.state == "orphaned")).scalars().all()
    assert before.block_hash in orphaned


def test_a_node_that_lags_behind_takes_nothing_back(own_programme: Programme, own_anvil: Anvil) -> None:
    snapshot = own_anvil.request("evm_snapshot")
    leaf_id = own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.request("evm_revert", snapshot)
    assert index(own_programme.services) == 0
    assert own_programme.leaf(leaf_id).state == "mined"


def test_final_blocks_that_leave_the_chain_halt_the_lane(own_programme: Programme, own_anvil: Anvil) -> None:
    leaf_id = own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.mine(3)
    own_programme.settle()
    own_anvil.request("anvil_reorg", 5, [])
    with pytest.raises(LaneHalted):
        index(own_programme.services)
    assert lane(own_programme).state == "halted"
    assert own_programme.leaf(leaf_id).state == "final"


def test_a_chain_older_than_the_ledger_is_refused_at_the_start(own_programme: Programme, own_anvil: Anvil) -> None:
    snapshot = own_anvil.request("evm_snapshot")
    own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.mine(3)
    own_programme.settle()
    own_anvil.request("evm_revert", snapshot)
    with pytest.raises(ChainOlderThanLedger):
        check_chain(own_programme.services)


def test_another_chain_or_contract_is_refused_at_the_start(programme: Programme) -> None:
    with programme.store.write() as connection:
        was = connection.execute(select(program)).one()
        connection.execute(update(program).values(genesis_hash="0x" + "11" * 32))
    with pytest.raises(WrongChain):
        check_chain(programme.services)
    with programme.store.write() as connection:
        wrong = {"genesis_hash": was.genesis_hash, "deployed_at_block": was.deployed_at_block + 1}
        connection.execute(update(program).values(**wrong))
    with pytest.raises(WrongContract):
        check_chain(programme.services)
    with programme.store.write() as connection:
        connection.execute(update(program).values(contract_address=programme.services.operator))
    with pytest.raises(WrongContract):
        check_chain(programme.services)


def test_a_ledger_restored_from_an_old_backup_halts_instead_of_issuing_again(programme: Programme) -> None:
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    with programme.store.write() as connection:
        connection.execute(update(lanes).values(next_seq=1, next_nonce=0))
    check_chain(programme.services)
    assert lane(programme).state == "halted"
    assert "settled 1 batches, the ledger knows 0" in str(lane(programme).reason)
    assert "mereau repair" in str(lane(programme).reason)
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    assert plan(programme.services, flush=True) is None


def test_a_stuck_transaction_gets_higher_fees_under_the_same_nonce(own_programme: Programme, own_anvil: Anvil) -> None:
    own_anvil.request("evm_setAutomine", False)
    own_programme.with_limits(bump_after_seconds=0.0)
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    plan(own_programme.services, flush=True)
    memory = PushMemory()
    push(own_programme.services, memory)
    assert bump(own_programme.services, memory) == 1
    push(own_programme.services, memory)
    own_anvil.mine(3)
    own_anvil.request("evm_setAutomine", True)
    assert own_programme.settle().is_settled
    with own_programme.store.read() as connection:
        batch_id = connection.execute(select(batches.c.id)).scalar_one()
        query = select(attempts.c.bump, attempts.c.max_fee_per_gas, attempts.c.max_priority_fee_per_gas)
        mine = query.join(transactions).where(transactions.c.batch_id == batch_id).order_by(attempts.c.bump)
        first, second = connection.execute(mine).all()
    assert (first.bump, second.bump) == (0, 1)
    assert second.max_fee_per_gas * 8 >= first.max_fee_per_gas * 9
    assert second.max_priority_fee_per_gas * 8 >= first.max_priority_fee_per_gas * 9
    assert (own_programme.balance(alice), settled_seqs(own_programme)) == (5, [1])


def test_fees_never_pass_the_ceiling(own_programme: Programme, own_anvil: Anvil) -> None:
    own_anvil.request("evm_setAutomine", False)
    own_programme.with_limits(bump_after_seconds=0.0, max_fee_per_gas=10**9)
    own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    plan(own_programme.services, flush=True)
    memory = PushMemory()
    for _ in range(30):
        push(own_programme.services, memory)
        bump(own_programme.services, memory)
    with own_programme.store.read() as connection:
        query = select(attempts.c.max_fee_per_gas).join(transactions).where(transactions.c.batch_id.is_not(None))
        assert max(connection.execute(query).scalars()) <= 10**9
