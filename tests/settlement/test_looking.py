"""A look at a real node: what it says of a batch now, after a reorganisation, and when it is away or hangs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from anvil_node import CHAIN_ID, Anvil
from settlement_programme import Programme

from token_service.chain.looking import BoundedLook, look
from token_service.chain.node import HttpNode
from token_service.errors import NodeUnreachable
from token_service.protocol.hashing import ZERO_ADDRESS
from token_service.protocol.settled_batch import Wanted
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")
NOWHERE = Wanted(ZERO_ADDRESS, ZERO_ADDRESS, 1, "0x" + "00" * 32, ZERO_ADDRESS, None)


def settled_batch(programme: Programme, member: str) -> Wanted:
    """Five points of the member, written to the chain."""
    programme.record(member, EntryKind.ISSUANCE, 5)
    assert programme.settle().is_settled
    batch = programme.batches()[-1]
    return Wanted(
        contract=programme.contract,
        operator=batch.operator,
        seq=batch.seq,
        transaction_hash=batch.transaction_hash,
        account=programme.address(member),
        at_block=batch.block_number,
    )


def test_it_sees_the_batch_its_words_and_the_balance(programme: Programme) -> None:
    member = programme.member()
    wanted = settled_batch(programme, member)
    seen = look(programme.services.node, wanted, depth=0)
    assert (seen.chain_id, seen.is_mined, seen.block_number) == (CHAIN_ID, True, wanted.at_block)
    assert seen.points == 5
    assert seen.batch is not None
    assert seen.batch.receipts_root == programme.batches()[-1].receipts_root
    assert seen.batch.words == (EntryWord(wanted.account, int(EntryKind.ISSUANCE), programme.party, 5),)
    assert seen.batch.skipped == {}


def test_a_balance_is_read_as_of_the_wanted_block(programme: Programme) -> None:
    member = programme.member()
    wanted = settled_batch(programme, member)
    settled_batch(programme, member)
    assert look(programme.services.node, wanted, depth=0).points == 5
    assert look(programme.services.node, replace(wanted, at_block=None), depth=0).points == 10


@pytest.mark.parametrize("change", [{"seq": 99}, {"operator": ZERO_ADDRESS}, {"contract": "0x" + "ab" * 20}])
def test_another_batch_is_not_in_that_transaction(programme: Programme, change: dict[str, Any]) -> None:
    wanted = replace(settled_batch(programme, programme.member()), **change)
    seen = look(programme.services.node, wanted, depth=0)
    assert (seen.is_mined, seen.batch) == (True, None)


def test_a_refused_entry_is_told(programme: Programme) -> None:
    """The contract skips a restoration beyond what was ever redeemed."""
    member = programme.member()
    programme.record(member, EntryKind.RESTORATION, 5)
    programme.settle(timeout_seconds=5)
    batch = programme.batches()[0]  # behind it comes the fact that froze the member
    wanted = Wanted(programme.contract, batch.operator, batch.seq, batch.transaction_hash, ZERO_ADDRESS, None)
    seen = look(programme.services.node, wanted, depth=0)
    assert seen.batch is not None
    assert list(seen.batch.skipped) == [0]


def test_what_is_final_follows_the_depth_or_the_nodes_word(own_programme: Programme, own_anvil: Anvil) -> None:
    own_anvil.mine(70)
    node = own_programme.services.node
    head = own_anvil.block_number()
    assert look(node, NOWHERE, depth=3).final_block == head - 3
    assert look(node, NOWHERE, depth=None).final_block == int(
        own_anvil.request("eth_getBlockByNumber", "finalized", False)["number"], 16
    )


def test_a_transaction_that_left_the_chain_is_not_there_any_more(own_programme: Programme, own_anvil: Anvil) -> None:
    own_programme.services = replace(own_programme.services, depth=0)
    own_anvil.mine(3)
    wanted = settled_batch(own_programme, own_programme.member())
    assert look(own_anvil.node, wanted, depth=0).is_mined
    own_anvil.request("anvil_reorg", 2, [])
    seen = look(own_anvil.node, wanted, depth=0)
    assert (seen.is_mined, seen.batch) == (False, None)


# --- Bounds -----------------------------------------------------------------------------------------------------------


class HangingNode:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for one in self.taken:
            one.close()


@pytest.fixture
def hanging() -> Iterator[HangingNode]:
    node = HangingNode()
    yield node
    node.close()


def bounded(url: str, **more: Any) -> BoundedLook:
    node = HttpNode([url], timeout_seconds=1, read_rounds=1)
    return BoundedLook(lambda: nullcontext(node), 0, **more)


def test_a_node_that_hangs_is_given_up_in_time_and_then_left_alone(hanging: HangingNode) -> None:
    now = [100.0]
    look_at = bounded(hanging.url, seconds=0.3, clock=lambda: now[0])
    begun = time.monotonic()
    with pytest.raises(NodeUnreachable, match="in time"):
        look_at(NOWHERE)
    assert time.monotonic() - begun < 0.9
    with pytest.raises(NodeUnreachable, match="a moment ago"):
        look_at(NOWHERE)
    assert len(hanging.taken) == 1
    now[0] += 10
    with pytest.raises(NodeUnreachable, match="in time"):
        look_at(NOWHERE)


def test_only_two_look_at_once(hanging: HangingNode) -> None:
    look_at = bounded(hanging.url, seconds=0.5)

    def refusal(_: int) -> str:
        try:
            look_at(NOWHERE)
        except NodeUnreachable as error:
            return error.detail
        return ""

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(refusal, range(6)))
    assert sum("in time" in one for one in said) == 2
    assert sum("at once" in one or "a moment ago" in one for one in said) == 4


def test_a_place_is_free_again_once_the_node_has_answered(programme: Programme) -> None:
    wanted = settled_batch(programme, programme.member())
    look_at = BoundedLook(lambda: nullcontext(programme.services.node), 0, seconds=30)
    assert all(look_at(wanted).is_mined for _ in range(5))


def test_a_node_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NodeUnreachable):
        bounded(f"http://127.0.0.1:{port}")(NOWHERE)
