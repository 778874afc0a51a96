"""A look at the chain for a page of proof: read-only, now, and bounded, so that a slow node holds up nothing else.

Accepting never asks a node (DESIGN §2); a member who opens the proof of a line does. Two looks at a time, two seconds each; a
node that did not answer is left alone for ten.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import AbstractContextManager
from threading import BoundedSemaphore
from typing import Final, TypeVar

from token_service.chain import contract_reads, reads
from token_service.chain.finality_presets import depth_without_tag
from token_service.chain.node import Node
from token_service.chain.settlement.finality import newest_final
from token_service.errors import NodeUnreachable, RpcError
from token_service.protocol.settled_batch import SettledBatch, Sighting, Wanted, batch_of_transaction

Value = TypeVar("Value")

SECONDS: Final = 2.0
AT_ONCE: Final = 2
PAUSE_SECONDS: Final = 10.0


def look(node: Node, wanted: Wanted, depth: int | None) -> Sighting:
    """What the node says now; None for each thing that it does not answer. `depth` as MEREAU_CONFIRMATIONS.

    Raises NodeUnreachable when it answers nothing at all.
    """
    chain_id = reads.chain_id(node)
    head = _asked(lambda: reads.head(node).number)
    final_block = None if head is None else _asked(lambda: newest_final(node, depth, head, depth_without_tag(chain_id)))
    at = "latest" if wanted.at_block is None else hex(wanted.at_block)
    points = _asked(lambda: contract_reads.balance_of(node, wanted.contract, wanted.account, at))
    place = _asked(lambda: _place(node, wanted))
    if place is None:
        return Sighting(chain_id=chain_id, head=head, final_block=final_block, points=points)
    block_number, batch = place
    return Sighting(chain_id, block_number is not None, block_number, batch, head, final_block, points)


def _place(node: Node, wanted: Wanted) -> tuple[int | None, SettledBatch | None]:
    """The canonical block that the transaction stands in, and the wanted batch in it."""
    receipt = reads.receipt(node, wanted.transaction_hash)
    if receipt is None or not receipt.succeeded:
        return None, None
    block = reads.block_by_number(node, receipt.block_number)
    if block is None or block.hash != receipt.block_hash:
        return None, None
    to, data = reads.transaction_input(node, wanted.transaction_hash)
    return block.number, batch_of_transaction(wanted, to=to, data=data, logs=receipt.logs)


def _asked(ask: Callable[[], Value]) -> Value | None:
    try:
        return ask()
    except (NodeUnreachable, RpcError):
        return None


class BoundedLook:
    """`look` for many threads. `open_node` gives a node for one look; make this after a fork, never before."""

    def __init__(
        self,
        open_node: Callable[[], AbstractContextManager[Node]],
        depth: int | None,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_node, self._depth, self._seconds, self._clock = open_node, depth, seconds, clock
        self._free = BoundedSemaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look")
        self._pauses_until = 0.0

    def __call__(self, wanted: Wanted) -> Sighting:
        """Raises NodeUnreachable when the node is away, slow, or looked at by others already."""
        if self._clock() < self._pauses_until:
            raise NodeUnreachable("the chain node did not answer a moment ago")
        if not self._free.acquire(blocking=False):
            raise NodeUnreachable("too many look at the chain at once")
        running = self._threads.submit(self._look, wanted)
        try:
            return running.result(self._seconds)
        except (TooLate, NodeUnreachable, RpcError) as error:
            self._pauses_until = self._clock() + PAUSE_SECONDS
            raise NodeUnreachable("the chain node does not answer in time") from error

    def _look(self, wanted: Wanted) -> Sighting:
        """In a thread of its own, which may outlive the caller's patience: only then is its place free again."""
        try:
            with self._open_node() as node:
                return look(node, wanted, self._depth)
        finally:
            self._free.release()
