"""Reorganisations: blocks that are no longer canonical are orphaned and what they said is taken back (DESIGN §5).

Their batches and transactions go back to being in flight, with the same bytes, nonces and sequences. A final block that left the
chain is never rewritten here: all lanes halt for a person.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select, update

from token_service.chain import reads
from token_service.chain.node import Node, up_to_date
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import Cursor, read_cursor, set_cursor
from token_service.chain.settlement.lanes import Code
from token_service.errors import LaneHalted, NodeUnreachable
from token_service.ledger.settlement_tables import batches, blocks, chain_events, leaves, transactions
from token_service.ledger.worker_figures import REORGED_BLOCKS, REORGS

SECOND_LOOK_SECONDS: Final = 0.2
DEEP: Final = (
    "block {number} ({hash}) was final and is no longer on the node's chain: use a node that has this block (MEREAU_RPC_URL), "
    "then `mereau lanes clear`; if the network itself went back, read docs/settlement.md#finality"
)


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a node's chain leaves ours: the newest block that both know, and the hashes of ours above it, newest first."""

    ancestor: Cursor
    gone: tuple[str, ...]


def roll_back(services: ChainServices, cursor: Cursor) -> int:
    """How many blocks were orphaned. Raises LaneHalted if final blocks left the chain, NodeUnreachable.

    Only nodes at least as high as the cursor are heard, all that are, twice: whichever keeps most of what was read is followed.
    """
    seen, final = _seen(services, cursor)
    fork = _look(services, cursor, seen)
    time.sleep(SECOND_LOOK_SECONDS)
    if _look(services, cursor, seen) != fork:
        raise NodeUnreachable("the chain moves while it is looked at", method="eth_getBlockByNumber")
    if fork is None:
        reason = DEEP.format(number=final.number, hash=final.hash)
        services.commit("deep_reorg", lambda connection: _halt(connection, reason))
        raise LaneHalted(f"settlement is halted: {reason}", reason=Code.DEEP_REORG.value)
    if not fork.gone:
        return 0
    services.commit("reorg", lambda connection: _orphan(connection, cursor, fork.gone, fork.ancestor))
    services.tally.add(REORGS)
    services.tally.add(REORGED_BLOCKS, value=len(fork.gone))
    return len(fork.gone)


def _seen(services: ChainServices, cursor: Cursor) -> tuple[list[Cursor], Cursor]:
    """What was read, from the cursor down to the newest final block; and that block."""
    with services.store.read() as connection:
        final = read_cursor(connection, "final")
        columns = blocks.c
        query = select(columns.number, columns.hash).where(columns.state == "seen", columns.number <= cursor.number)
        rows = connection.execute(query.order_by(columns.number.desc())).all()
    return [*(Cursor(*row) for row in rows), final], final


def _look(services: ChainServices, cursor: Cursor, seen: Sequence[Cursor]) -> Fork | None:
    """The fork that leaves most of what was read, as the nodes say now; None if none of them has the final block."""
    forks: list[Fork | None] = []
    error = NodeUnreachable("every chain node lags behind what was read", method="eth_getBlockByNumber")
    for node in up_to_date(services.node, cursor.number, now=True):
        try:
            forks.append(_fork(node, cursor, seen))
        except NodeUnreachable as found:
            error = found
    if not forks:
        raise error
    return min((fork for fork in forks if fork is not None), key=lambda fork: len(fork.gone), default=None)


def _fork(node: Node, cursor: Cursor, seen: Sequence[Cursor]) -> Fork | None:
    """Raises NodeUnreachable unless the node is as high as the cursor and answers for every block below."""
    if reads.head(node).number < cursor.number:
        raise NodeUnreachable("the chain node lags behind what was read", method="eth_getBlockByNumber")
    gone: list[str] = []
    for mine in seen:
        block = reads.block_by_number(node, mine.number)
        if block is None:  # it had a higher one a moment ago: the answers come from two nodes, and prove nothing
            raise NodeUnreachable("the chain node contradicts itself", method="eth_getBlockByNumber")
        if block.hash == mine.hash:
            return Fork(mine, tuple(gone))
        gone.append(mine.hash)
    return None


def _orphan(connection: Connection, cursor: Cursor, gone: Sequence[str], ancestor: Cursor) -> None:
    if read_cursor(connection, "indexed", lock=True) != cursor:
        return
    connection.execute(delete(chain_events).where(chain_events.c.block_hash.in_(gone)))
    lost = select(batches.c.id).where(batches.c.block_hash.in_(gone))
    back = update(leaves).where(leaves.c.batch_id.in_(lost), leaves.c.state == "mined")
    connection.execute(back.values(state="batched", skip_reason=None))
    unmined = {"block_number": None, "block_hash": None}
    nothing = {"block_time": None, "transaction_hash": None, "gas_used": None, "minted": None, "burned": None}
    connection.execute(
        update(batches).where(batches.c.block_hash.in_(gone)).values(state="planned", **unmined, **nothing)
    )
    again = update(transactions).where(transactions.c.block_hash.in_(gone))
    connection.execute(again.values(state="signed", succeeded=None, fee_gwei=None, mined_at=None, **unmined))
    connection.execute(update(blocks).where(blocks.c.hash.in_(gone)).values(state="orphaned"))
    lane_rows.end_draining(connection)  # what failed is in no block any more, and may succeed this time
    set_cursor(connection, "indexed", ancestor.number, ancestor.hash)


def _halt(connection: Connection, reason: str) -> None:
    lane_rows.halt_all(connection, Code.DEEP_REORG, reason)
