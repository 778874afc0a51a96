"""Index: what the canonical chain says becomes rows, some blocks at a time, all of it in one transaction with the cursor.

A batch has landed when its `BatchSettled` is there, matched by (operator, seq, root), whichever attempt won (DESIGN §5, rule C).
One step reads head, blocks and logs from one endpoint. Of several, one that goes on from what was read is followed; only when
none does of those that don't lag, there may have been a reorganisation (reorgs.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select, update

from token_service.chain import reads
from token_service.chain.contract_logs import RawLog, contract_logs
from token_service.chain.fees import paid
from token_service.chain.node import Node, up_to_date
from token_service.chain.reads import Block
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import Cursor, read_cursor, set_cursor
from token_service.chain.settlement.lanes import Code
from token_service.chain.settlement.reorgs import roll_back
from token_service.errors import ChainOlderThanLedger, InvalidInput, NodeUnreachable
from token_service.ledger.gas_spending import to_gwei
from token_service.ledger.settlement_tables import (
    attempts,
    batches,
    blocks,
    chain_events,
    leaves,
    transactions,
)
from token_service.protocol.events import (
    BatchSettled,
    EntrySkipped,
    Event,
    Transfer,
    decode_log,
    event_arguments,
    topic,
)
from token_service.units import CREDIT_KINDS, DEBIT_KINDS, EntryKind

TRANSFER: Final = topic(Transfer)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some canonical blocks in a row and the contract's events in them.

    `transfers` of transactions with a batch in them are still raw logs, by transaction: a batch of ours explains them, and
    then nobody reads them.
    """

    blocks: Sequence[Block]
    events: Sequence[Event]
    transfers: Mapping[str, Sequence[RawLog]]

    def by_hash(self) -> Mapping[str, Block]:
        return {block.hash: block for block in self.blocks}

    def kept_events(self, explained: Set[str]) -> list[Event]:
        """What becomes rows, when batches of ours explain these transactions: their leaves say the same as its transfers and
        skips. Raises NodeUnreachable for malformed logs."""
        kept = [
            event
            for event in self.events
            if not (isinstance(event, EntrySkipped) and event.position.transaction_hash in explained)
        ]
        for transaction, raw_logs in self.transfers.items():
            if transaction not in explained:
                kept += _decoded(raw_logs)
        return sorted(kept, key=lambda event: event.position)


NOTHING: Final = Piece([], [], {})


def index(services: ChainServices) -> int:
    """How many new blocks were taken in; 0 if there are none, or if every endpoint lags behind what was seen already.

    Raises NodeUnreachable (also for a node that contradicts itself), ChainOlderThanLedger (embedded chain only).
    """
    with services.store.ask() as connection:
        cursor = read_cursor(connection, "indexed")
    error: NodeUnreachable | None = None
    is_denied = False
    for node in up_to_date(services.node, cursor.number):
        try:
            piece = _read_piece(services, node, cursor)
        except NodeUnreachable as found:
            error = error or found
            continue
        if piece is not None:
            return _take_in(services, cursor, piece)
        is_denied = True
    if error is not None:
        raise error
    if is_denied:
        roll_back(services, cursor)
    return 0


def _take_in(services: ChainServices, cursor: Cursor, piece: Piece) -> int:
    if piece.blocks:
        services.commit("index", lambda connection: _write(connection, cursor, piece))
    return len(piece.blocks)


def _read_piece(services: ChainServices, node: Node, cursor: Cursor) -> Piece | None:
    """The next blocks after the cursor, perhaps none; None if the node's chain does not go on from it."""
    head = reads.head(node)
    if head.number < cursor.number and services.embedded:
        raise ChainOlderThanLedger(
            f"the ledger has seen block {cursor.number}, the chain ends at {head.number}: restore the newer chain.db"
        )
    if head.number < cursor.number or (head.number, head.hash) == (cursor.number, cursor.hash):
        return NOTHING
    last = min(head.number, cursor.number + services.limits.blocks_per_step)
    found: list[Block] = []
    parent = cursor.hash
    for number in range(cursor.number + 1, last + 1):
        block = head if number == head.number else reads.block_by_number(node, number)
        if block is None or (found and block.parent_hash != parent):
            raise NodeUnreachable("the chain moved while it was read", method="eth_getBlockByNumber")
        if block.parent_hash != parent:
            return None
        found.append(block)
        parent = block.hash
    if not found:  # the head is as high as the cursor and another block
        return None
    return _with_events(services, node, found)


def _with_events(services: ChainServices, node: Node, found: Sequence[Block]) -> Piece:
    if services.contract is None:  # it is being deployed
        return Piece(found, [], {})
    at_once, transfers = [], defaultdict(list)
    for log in contract_logs(node, services.contract, found):
        topics = log.get("topics")
        if isinstance(topics, list) and topics[:1] == [TRANSFER]:
            transfers[str(log.get("transactionHash"))].append(log)
        else:
            at_once.append(log)
    return Piece(found, _decoded(at_once), transfers)


def _decoded(raw_logs: Sequence[RawLog]) -> list[Event]:
    try:
        return [event for event in map(decode_log, raw_logs) if event is not None]
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers malformed logs", method="eth_getLogs") from error


def _write(connection: Connection, cursor: Cursor, piece: Piece) -> None:
    if read_cursor(connection, "indexed", lock=True) != cursor:
        return  # another worker was faster
    _write_blocks(connection, piece.blocks)
    by_hash = piece.by_hash()
    explained: set[str] = set()
    skips: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for event in piece.events:
        if isinstance(event, EntrySkipped):
            skips[event.operator, event.seq][event.index] = event.reason
    for event in piece.events:
        if isinstance(event, BatchSettled):
            block = by_hash[event.position.block_hash]
            if _land(connection, event, block, skips[event.operator, event.seq]):
                explained.add(event.position.transaction_hash)
    kept = piece.kept_events(explained)
    if kept:
        connection.execute(insert(chain_events), [_event_row(event) for event in kept])
    last = piece.blocks[-1]
    set_cursor(connection, "indexed", last.number, last.hash)


def _write_blocks(connection: Connection, found: Sequence[Block]) -> None:
    known = {
        row.hash for row in connection.execute(select(blocks.c.hash).where(blocks.c.hash.in_([b.hash for b in found])))
    }
    again = [block.hash for block in found if block.hash in known]
    if again:  # orphaned once and canonical again
        connection.execute(update(blocks).where(blocks.c.hash.in_(again)).values(state="seen"))
    rows = [
        {
            "hash": block.hash,
            "number": block.number,
            "parent_hash": block.parent_hash,
            "timestamp": datetime.fromtimestamp(block.timestamp, UTC),
            "state": "seen",
        }
        for block in found
        if block.hash not in known
    ]
    if rows:
        connection.execute(insert(blocks), rows)


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "block_hash": event.position.block_hash,
        "log_index": event.position.log_index,
        "block_number": event.position.block_number,
        "transaction_hash": event.position.transaction_hash,
        "name": event.name,
        "arguments": event_arguments(event),
    }


def _land(connection: Connection, event: BatchSettled, block: Block, skips: Mapping[int, int]) -> bool:
    """The batch of this event is mined. A batch that is not ours, or another one under our sequence, halts the lane."""
    columns = batches.c
    query = select(batches).where(columns.operator == event.operator, columns.seq == event.seq)
    batch = connection.execute(query).first()
    if batch is None or batch.receipts_root != event.receipts_root or batch.ruleset_hash != event.ruleset_hash:
        reason = f"the chain has a batch {event.seq} that the ledger does not know: {lane_rows.RESTORE_LEDGER}"
        lane_rows.halt_of(connection, event.operator, Code.CHAIN_AHEAD, reason)
        return False
    mined = {
        "state": "mined",
        "block_number": block.number,
        "block_hash": block.hash,
        "block_time": datetime.fromtimestamp(block.timestamp, UTC),
        "transaction_hash": event.position.transaction_hash,
        "gas_used": block.lone_gas,
        "minted": event.minted,
        "burned": event.burned,
    }
    connection.execute(update(batches).where(columns.id == batch.id).values(**mined))
    _land_leaves(connection, batch.id, skips)
    _land_transaction(connection, batch.id, event, block)
    if not _adds_up(connection, batch.id, event):
        reason = f"batch {event.seq} moved other points on the chain than its leaves say"
        lane_rows.halt_of(connection, event.operator, Code.MISMATCH, reason)
    return True


def _land_leaves(connection: Connection, batch_id: int, skips: Mapping[int, int]) -> None:
    mine = update(leaves).where(leaves.c.batch_id == batch_id)
    connection.execute(mine.where(leaves.c.state == "batched").values(state="mined", skip_reason=None))
    if skips:
        skipped = mine.where(leaves.c.position == bindparam("place")).values(skip_reason=bindparam("why"))
        connection.execute(skipped, [{"place": place, "why": why} for place, why in skips.items()])


def _land_transaction(connection: Connection, batch_id: int, event: BatchSettled, block: Block) -> None:
    """Marks the transaction that won; a transaction of the batch that lost is left for tracking."""
    columns = attempts.c
    query = select(columns.transaction_id, columns.max_fee_per_gas, columns.max_priority_fee_per_gas)
    attempt = connection.execute(query.where(columns.hash == event.position.transaction_hash)).first()
    if attempt is None:
        return
    price = paid(attempt.max_fee_per_gas, attempt.max_priority_fee_per_gas, block.base_fee)
    mined = {
        "state": "mined",
        "succeeded": True,
        "block_number": block.number,
        "block_hash": block.hash,
        "mined_at": datetime.fromtimestamp(block.timestamp, UTC),
        "fee_gwei": None if block.lone_gas is None else to_gwei(block.lone_gas * price),
    }
    mine = transactions.c
    won = update(transactions).where(mine.id == attempt.transaction_id, mine.batch_id == batch_id)
    connection.execute(won.where(mine.state.in_(lane_rows.IN_FLIGHT)).values(**mined))


def _adds_up(connection: Connection, batch_id: int, event: BatchSettled) -> bool:
    """True if the leaves that were not skipped give the points that the contract says it minted and burned."""
    applied = select(leaves.c.kind, func.count(), func.sum(leaves.c.amount)).where(
        leaves.c.batch_id == batch_id, leaves.c.skip_reason.is_(None), leaves.c.kind != int(EntryKind.FACT)
    )
    count = minted = burned = 0
    for kind, entries, points in connection.execute(applied.group_by(leaves.c.kind)):
        count += entries
        minted += int(points) if kind in CREDIT_KINDS else 0
        burned += int(points) if kind in DEBIT_KINDS else 0
    return (count, minted, burned) == (event.count, event.minted, event.burned)
