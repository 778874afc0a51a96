"""Gas has a ceiling and a day's budget: beyond them a lane waits, says why, and goes on by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from anvil_node import Anvil
from settlement_programme import Programme
from sqlalchemy import select

from token_service.chain import reads
from token_service.chain.node import Node
from token_service.chain.settlement import PushMemory, finalize, index, plan, push, track
from token_service.chain.settlement.bumping import bump
from token_service.chain.settlement.lanes import Lane, read_lane
from token_service.chain.settlement.resuming import resume
from token_service.chain.settlement.staleness import ChainWatch, watch_chain
from token_service.ledger.gas_spending import gas_spending
from token_service.ledger.settlement_tables import admin_operations, attempts, transactions
from token_service.units import WEI_PER_GWEI, EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def lane(programme: Programme) -> Lane:
    with programme.store.read() as connection:
        return read_lane(connection)


def standing(programme: Programme) -> tuple[str, str | None]:
    found = lane(programme)
    return found.state, found.code


def mine_at(anvil: Anvil, gwei: int) -> None:
    """A block with this base fee."""
    anvil.request("anvil_setNextBlockBaseFeePerGas", hex(gwei * WEI_PER_GWEI))
    anvil.mine()


def test_while_gas_is_dearer_than_the_ceiling_nothing_is_planned(own_programme: Programme, own_anvil: Anvil) -> None:
    own_programme.with_limits(max_fee_per_gas=20 * WEI_PER_GWEI)
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    mine_at(own_anvil, 50)
    own_programme.settle(timeout_seconds=0.2)
    assert standing(own_programme) == ("blocked", "fee_ceiling")
    assert "the ceiling is 20" in str(lane(own_programme).reason)
    assert own_programme.batches() == []
    mine_at(own_anvil, 1)
    own_programme.settle(timeout_seconds=0.3)
    own_anvil.mine(3)
    assert own_programme.settle().is_settled
    assert standing(own_programme) == ("active", None)
    assert own_programme.balance(alice) == 5


def test_at_the_ceiling_the_old_bytes_go_on_until_gas_is_cheaper(own_programme: Programme, own_anvil: Anvil) -> None:
    own_programme.with_limits(bump_after_seconds=0.0, push_again_seconds=0.0)
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    mine_at(own_anvil, 1)
    own_anvil.request("evm_setAutomine", False)
    assert plan(own_programme.services, flush=True) is not None
    memory = PushMemory()
    push(own_programme.services, memory)
    own_programme.with_limits(max_fee_per_gas=4 * WEI_PER_GWEI)
    mine_at(own_anvil, 30)
    for _ in range(8):
        bump(own_programme.services, memory)
        push(own_programme.services, memory)
    assert standing(own_programme) == ("blocked", "fee_ceiling")
    with own_programme.store.read() as connection:
        query = select(attempts.c.max_fee_per_gas, attempts.c.sent_count).join(transactions)
        rows = connection.execute(query.where(transactions.c.batch_id.is_not(None)).order_by(attempts.c.bump)).all()
    assert max(row.max_fee_per_gas for row in rows) <= 4 * WEI_PER_GWEI
    assert rows[-1].sent_count >= 3
    assert resume(own_programme.services, 0) == 0
    own_anvil.request("anvil_setNextBlockBaseFeePerGas", hex(WEI_PER_GWEI))
    own_anvil.mine()
    own_anvil.request("evm_setAutomine", True)
    own_programme.settle(timeout_seconds=0.3)
    own_anvil.mine(3)
    assert own_programme.settle(timeout_seconds=5).is_settled
    assert standing(own_programme) == ("active", None)
    assert own_programme.balance(alice) == 5


def test_what_gas_cost_is_known_to_the_gwei(own_programme: Programme, own_anvil: Anvil) -> None:
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.3)
    with own_programme.store.read() as connection:
        mine = transactions.c.batch_id.is_not(None)
        row = connection.execute(select(transactions).where(mine)).one()
        hashes = connection.execute(select(attempts.c.hash).where(attempts.c.transaction_id == row.id)).scalars().all()
        everything = connection.execute(select(transactions.c.fee_gwei)).scalars().all()
        spending = gas_spending(connection, own_programme.clock())
    receipt = own_anvil.request("eth_getTransactionReceipt", hashes[-1])
    paid = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert row.fee_gwei == -(-paid // WEI_PER_GWEI)
    assert spending.spent_gwei == sum(everything)
    assert spending.under_way_gwei > 0  # its block may leave the chain
    own_anvil.request("anvil_reorg", 1, [])
    index(own_programme.services)
    with own_programme.store.read() as connection:
        again = gas_spending(connection, own_programme.clock())
    assert again.spent_gwei == spending.spent_gwei - row.fee_gwei
    assert again.at_most_gwei == spending.at_most_gwei
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.mine(3)
    assert own_programme.settle().is_settled
    with own_programme.store.read() as connection:
        assert gas_spending(connection, own_programme.clock()).under_way_gwei == 0


def test_a_block_of_several_transactions_is_paid_for_by_its_receipts(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    own_programme.with_limits(batch_entries_max=1)
    own_programme.record_many([(own_programme.member(), EntryKind.ISSUANCE, 5, None)] * 2)
    own_anvil.request("evm_setAutomine", False)
    assert all(plan(own_programme.services, flush=True) for _ in range(2))
    push(own_programme.services, PushMemory())
    own_anvil.mine()
    index(own_programme.services)
    assert [batch.gas_used for batch in own_programme.batches()] == [None, None]
    with own_programme.store.read() as connection:
        before = gas_spending(connection, own_programme.clock())
    track(own_programme.services)
    receipts = [own_anvil.request("eth_getTransactionReceipt", one.transaction_hash) for one in own_programme.batches()]
    paid = [-(-int(one["gasUsed"], 16) * int(one["effectiveGasPrice"], 16) // WEI_PER_GWEI) for one in receipts]
    with own_programme.store.read() as connection:
        mine = (
            select(transactions.c.fee_gwei).where(transactions.c.batch_id.is_not(None)).order_by(transactions.c.nonce)
        )
        assert connection.execute(mine).scalars().all() == paid
        known = gas_spending(connection, own_programme.clock())
    assert known.spent_gwei == before.spent_gwei + sum(paid)
    assert known.at_most_gwei == before.at_most_gwei
    own_anvil.mine(2)
    index(own_programme.services)
    finalize(own_programme.services)
    with own_programme.store.read() as connection:
        assert gas_spending(connection, own_programme.clock()).under_way_gwei == 0


def test_what_a_rollup_charges_for_data_counts() -> None:
    @dataclass
    class Rollup:
        def request(self, method: str, params: list[Any]) -> Any:
            place = {"transactionHash": "0x" + "1" * 64, "blockHash": "0x" + "2" * 64, "blockNumber": "0x1"}
            return {**place, "status": "0x1", "gasUsed": "0xa", "effectiveGasPrice": "0x3", "l1Fee": "0x64", "logs": []}

    receipt = reads.receipt(Rollup(), "0x" + "1" * 64)
    assert receipt is not None
    assert receipt.cost_wei == 130


def test_a_transaction_that_the_node_finds_too_cheap_is_replaced_at_once(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    mine_at(own_anvil, 1)
    own_anvil.request("evm_setAutomine", False)
    plan(own_programme.services, flush=True)
    mine_at(own_anvil, 30)
    memory = PushMemory()
    push(own_programme.services, memory)
    assert bump(own_programme.services, memory) == 1  # long before the 45 seconds are over
    push(own_programme.services, memory)
    own_anvil.mine(3)
    own_anvil.request("evm_setAutomine", True)
    assert own_programme.settle().is_settled
    assert own_programme.balance(alice) == 5


def test_beyond_the_days_budget_batches_wait_for_tomorrow(programme: Programme) -> None:
    alice = programme.member()
    with programme.store.read() as connection:
        before = gas_spending(connection, programme.clock()).at_most_gwei
    programme.record(alice, EntryKind.ISSUANCE, 5)
    programme.with_limits(gas_budget_per_day=(before + 1) * WEI_PER_GWEI)
    programme.settle(timeout_seconds=0.3)
    assert standing(programme) == ("blocked", "gas_budget")
    assert programme.batches() == []
    programme.order("pause")  # what administers is never held up
    programme.order("unpause")
    programme.settle(timeout_seconds=1.0)
    assert not any(programme.operation(one).state != "final" for one in _operations(programme))
    assert standing(programme) == ("blocked", "gas_budget")
    programme.with_limits(gas_budget_per_day=10**17)
    programme.settle()
    assert programme.balance(alice) == 5
    programme.with_limits(gas_budget_per_day=10**16)
    programme.record(alice, EntryKind.ISSUANCE, 5)
    programme.clock.offset = timedelta(days=1)
    with programme.store.read() as connection:
        assert gas_spending(connection, programme.clock()).at_most_gwei == 0
    assert programme.settle().is_settled
    assert programme.balance(alice) == 10


def _operations(programme: Programme) -> list[str]:
    with programme.store.read() as connection:
        return list(connection.execute(select(admin_operations.c.id)).scalars())


def test_a_replacement_that_the_budget_does_not_allow_is_not_signed(own_programme: Programme, own_anvil: Anvil) -> None:
    own_programme.with_limits(bump_after_seconds=0.0)
    own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_anvil.request("evm_setAutomine", False)
    plan(own_programme.services, flush=True)
    memory = PushMemory()
    push(own_programme.services, memory)
    with own_programme.store.read() as connection:
        committed = gas_spending(connection, own_programme.clock()).at_most_gwei
    own_programme.with_limits(gas_budget_per_day=committed * WEI_PER_GWEI)
    assert bump(own_programme.services, memory) == 0
    assert standing(own_programme) == ("blocked", "gas_budget")
    own_programme.with_limits(gas_budget_per_day=None)
    assert bump(own_programme.services, memory) == 1


@dataclass
class WithoutBaseFee:
    """A node of a chain from before EIP-1559."""

    inner: Node

    def request(self, method: str, params: list[Any]) -> Any:
        answer = self.inner.request(method, params)
        if method == "eth_getBlockByNumber" and answer is not None:
            return {name: value for name, value in answer.items() if name != "baseFeePerGas"}
        return answer


def test_a_chain_without_a_base_fee_gets_legacy_transactions(own_programme: Programme, own_anvil: Anvil) -> None:
    own_programme.services = replace(own_programme.services, node=WithoutBaseFee(own_programme.services.node))
    own_programme.with_limits(bump_after_seconds=0.0)
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_anvil.request("evm_setAutomine", False)
    plan(own_programme.services, flush=True)
    memory = PushMemory()
    push(own_programme.services, memory)
    assert bump(own_programme.services, memory) == 1
    push(own_programme.services, memory)
    own_anvil.request("evm_setAutomine", True)
    own_anvil.mine(3)
    assert own_programme.settle().is_settled
    assert own_programme.balance(alice) == 5
    with own_programme.store.read() as connection:
        query = select(attempts.c.raw, transactions.c.fee_gwei).join(transactions)
        rows = connection.execute(query.where(transactions.c.batch_id.is_not(None))).all()
    assert [bytes(row.raw)[0] >= 0xC0 for row in rows] == [True, True]  # a list from its first byte on: no type
    assert all(row.fee_gwei for row in rows)


def test_a_chain_that_stands_still_blocks_the_lanes_until_it_moves(own_programme: Programme, own_anvil: Anvil) -> None:
    now = [0.0]
    services = replace(own_programme.services, monotonic=lambda: now[0])
    watch = ChainWatch()

    def later(seconds: float) -> tuple[str, str | None]:
        now[0] += seconds
        watch_chain(services, watch)
        return standing(own_programme)

    assert later(1) == ("active", None)
    assert later(1000) == ("active", None)  # nothing is on its way: a chain may make blocks on demand
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_anvil.request("evm_setAutomine", False)
    plan(own_programme.services, flush=True)
    push(own_programme.services, PushMemory())
    assert later(1) == ("active", None)
    assert later(170) == ("active", None)
    assert later(20) == ("blocked", "rpc_stale")
    assert "no block after" in str(lane(own_programme).reason)
    assert later(20) == ("blocked", "rpc_stale")
    own_anvil.mine()
    index(own_programme.services)
    assert later(2) == ("active", None)
