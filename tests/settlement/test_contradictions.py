"""Two nodes behind one address, two workers on one ledger, a database that was set back: nothing is believed too early."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from anvil_node import Anvil
from faulty_node import FaultyNode
from settlement_programme import Programme
from sqlalchemy import select

from token_service.chain import reads
from token_service.chain.admin_operations import advance
from token_service.chain.node import Node
from token_service.chain.settlement import PushMemory, finalize, index, plan, push, track
from token_service.chain.settlement.bumping import bump
from token_service.chain.settlement.lanes import read_lane
from token_service.chain.settlement.receipt_storage import ensure_filed
from token_service.errors import NodeUnreachable
from token_service.ledger.settlement_tables import attempts
from token_service.protocol.receipt_files import parse, relative_path
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


@dataclass
class Forgetful:
    """Answers for the newest block come from the node, those for older blocks from one that has not heard of them yet."""

    inner: Node

    def request(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber" and params[0] != "latest":
            return None
        return self.inner.request(method, params)


def test_blocks_that_a_second_node_does_not_know_yet_are_not_taken_back(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    leaf_id = own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.request("anvil_reorg", 1, [])  # the newest block is another one: the indexer asks for the older ones
    with pytest.raises(NodeUnreachable):
        index(replace(own_programme.services, node=Forgetful(own_programme.services.node)))
    with own_programme.store.read() as connection:
        assert read_lane(connection).state == "active"
    assert own_programme.leaf(leaf_id).state == "mined"
    index(own_programme.services)
    assert own_programme.leaf(leaf_id).state == "batched"


def test_a_block_that_left_the_chain_since_it_was_indexed_is_not_called_final(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    leaf_id = own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.mine(3)
    index(own_programme.services)
    own_anvil.request("anvil_reorg", 4, [])
    assert finalize(own_programme.services) == 0
    assert own_programme.leaf(leaf_id).state == "mined"
    own_programme.settle(timeout_seconds=0.5)
    own_anvil.mine(3)
    assert own_programme.settle().is_settled
    assert own_programme.leaf(leaf_id).state == "final"


@dataclass
class Storing:
    """A node in the midst of storing a block: it counts the block's transactions everywhere, and has no receipts of them for
    the first `missing` questions. Anvil is like that for some milliseconds."""

    inner: Node
    missing: int

    def request(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionCount":
            return self.inner.request(method, [params[0], "latest"])
        if method == "eth_getTransactionReceipt" and self.missing:
            self.missing -= 1
            return None
        return self.inner.request(method, params)


@pytest.mark.parametrize("missing", [1, 2, 4])
def test_a_receipt_that_is_not_stored_yet_does_not_halt_the_lane(programme: Programme, missing: int) -> None:
    member = programme.member()
    programme.record(member, EntryKind.ISSUANCE, 5)
    plan(programme.services, flush=True)
    push(programme.services, PushMemory())
    track(replace(programme.services, node=Storing(programme.services.node, missing)))
    assert programme.settle().is_settled
    assert programme.balance(member) == 5


def test_an_operation_whose_receipt_is_not_stored_yet_goes_on(programme: Programme) -> None:
    operation = programme.order("pause")
    advance(programme.services)
    push(programme.services, PushMemory())
    track(replace(programme.services, node=Storing(programme.services.node, 1)))
    assert programme.settle().is_settled
    assert programme.operation(operation).state == "final"


@dataclass
class Vague:
    """A node whose logs lack a field."""

    inner: Node
    field: str

    def request(self, method: str, params: list[Any]) -> Any:
        answer = self.inner.request(method, params)
        if method == "eth_getLogs":
            return [{name: value for name, value in log.items() if name != self.field} for log in answer]
        return answer


@pytest.mark.parametrize("field", ["transactionHash", "topics", "data"])
def test_a_node_whose_logs_lack_something_counts_as_away(programme: Programme, field: str) -> None:
    member = programme.member()
    programme.record(member, EntryKind.ISSUANCE, 5)
    plan(programme.services, flush=True)
    height = reads.head(programme.services.node).number
    push(programme.services, PushMemory())
    while reads.head(programme.services.node).number == height:  # the node answers a moment before it has mined
        time.sleep(0.01)
    with pytest.raises(NodeUnreachable):
        index(replace(programme.services, node=Vague(programme.services.node, field)))
    assert programme.settle().is_settled
    assert programme.balance(member) == 5


def test_the_next_nonce_waits_while_nobody_knows_whether_the_one_before_arrived(programme: Programme) -> None:
    member = programme.member()
    programme.with_limits(batch_entries_max=1)
    programme.record_many([(member, EntryKind.ISSUANCE, 5, None)] * 2)
    assert all(plan(programme.services, flush=True) for _ in range(2))
    wire = FaultyNode(programme.services.node, refuse=1)
    services, memory = replace(programme.services, node=wire), PushMemory()
    with pytest.raises(NodeUnreachable):
        push(services, memory)
    assert push(services, memory) == 0
    assert wire.sent == []
    assert programme.settle().is_settled
    assert programme.balance(member) == 10


def test_a_receipt_file_of_another_batch_is_kept_beside_the_new_one(programme: Programme) -> None:
    """The database lost a batch that was filed, and another one got its number."""
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    batch_id = plan(programme.services, flush=True)
    assert batch_id is not None
    (batch,) = programme.batches()
    path = programme.services.receipts_dir / relative_path(batch.operator, batch.seq)
    other_root = "0x" + "ab" * 32
    text = ensure_filed(programme.services, batch_id).read_text().replace(batch.receipts_root, other_root)
    path.write_text(text)
    ensure_filed(programme.services, batch_id)
    assert parse(path.read_text()).receipts_root == batch.receipts_root
    assert path.with_name(f"{batch.seq}-{'ab' * 32}").read_text() == text
    before = path.stat().st_mtime_ns
    ensure_filed(programme.services, batch_id)
    assert path.stat().st_mtime_ns == before


def test_two_workers_that_raise_the_same_fee_sign_one_replacement(own_programme: Programme, own_anvil: Anvil) -> None:
    own_programme.record(own_programme.member(), EntryKind.ISSUANCE, 5)
    own_anvil.request("evm_setAutomine", False)
    plan(own_programme.services, flush=True)
    memories = PushMemory(), PushMemory()
    push(own_programme.services, memories[0])
    for memory in memories:
        memory.too_cheap.add(_flying(own_programme))

    def interrupted(name: str) -> None:
        if name == "bump.before_commit":
            assert bump(own_programme.services, memories[1]) == 1

    assert bump(replace(own_programme.services, failpoint=interrupted), memories[0]) == 0
    with own_programme.store.read() as connection:
        assert connection.execute(select(attempts.c.bump)).scalars().all()[-2:] == [0, 1]
    push(own_programme.services, memories[0])
    own_anvil.request("evm_setAutomine", True)
    own_anvil.mine(3)
    assert own_programme.settle().is_settled


def _flying(programme: Programme) -> int:
    with programme.store.read() as connection:
        newest = connection.execute(select(attempts.c.transaction_id).order_by(attempts.c.id.desc()).limit(1))
        return int(newest.scalar_one())
