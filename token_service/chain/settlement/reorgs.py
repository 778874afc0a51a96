"""Reorganisations: blocks that are no longer canonical are orphaned and what they said is taken back (DESIGN §5).

Their batches and transactions go back to being in flight, with the same bytes, nonces and sequences. A final block that left the
chain is never rewritten here: the lane halts for a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update

from token_service.chain import reads
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import Cursor, read_cursor, set_cursor
from token_service.chain.settlement.lanes import Code
from token_service.errors import LaneHalted, NodeUnreachable
from token_service.ledger.settlement_tables import batches, blocks, chain_events, lanes, leaves, transactions


def roll_back(services: ChainServices, cursor: Cursor) -> int:
    """How many blocks were orphaned. Raises LaneHalted if final blocks left the chain, NodeUnreachable."""
    gone, ancestor = _orphans(services, cursor)
    if ancestor is None:
        reason = "blocks that were final are no longer on the chain"
        services.commit("deep_reorg", lambda connection: _halt(connection, reason))
        raise LaneHalted(f"settlement is halted: {reason}", reason=Code.DEEP_REORG.value)
    services.commit("reorg", lambda connection: _orphan(connection, cursor, gone, ancestor))
    return len(gone)


def _orphans(services: ChainServices, cursor: Cursor) -> tuple[list[str], Cursor | None]:
    """The hashes of seen blocks that the node no longer has, newest first, and the newest block that both know."""
    with services.store.read() as connection:
        final = read_cursor(connection, "final")
        columns = blocks.c
        query = select(columns.number, columns.hash).where(columns.state == "seen", columns.number <= cursor.number)
        seen = connection.execute(query.order_by(columns.number.desc())).all()
    gone: list[str] = []
    for number, block_hash in [*seen, (final.number, final.hash)]:
        block = reads.block_by_number(services.node, number)
        if block is None:  # it had a higher one a moment ago: the answers come from two nodes, and prove nothing
            raise NodeUnreachable("the chain node contradicts itself", method="eth_getBlockByNumber")
        if block.hash == block_hash:
            return gone, Cursor(number, block_hash)
        gone.append(block_hash)
    return gone, None


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
    connection.execute(again.values(state="signed", succeeded=None, **unmined))
    connection.execute(update(blocks).where(blocks.c.hash.in_(gone)).values(state="orphaned"))
    _end_draining(connection)
    set_cursor(connection, "indexed", ancestor.number, ancestor.hash)


def _end_draining(connection: Connection) -> None:
    """A lane whose failed batches are in no block any more goes on: they may succeed this time."""
    columns = transactions.c
    failed = select(columns.operator).where(columns.state == "mined", columns.succeeded.is_(False))
    again = update(lanes).where(lanes.c.state == "draining", lanes.c.operator.not_in(failed))
    connection.execute(again.values(state="active", reason=None, reason_code=None))


def _halt(connection: Connection, reason: str) -> None:
    lane_rows.halt_all(connection, Code.DEEP_REORG, reason)
