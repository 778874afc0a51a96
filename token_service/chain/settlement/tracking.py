"""Track: receipts of our transactions. They tell the gas of a batch, whether an administrative operation went through, and
which transaction failed on the chain; that a batch landed is for its event to tell (indexing.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Row, select, update

from token_service.chain import reads
from token_service.chain.node import up_to_date
from token_service.chain.reads import TransactionReceipt
from token_service.chain.services import ChainServices
from token_service.chain.settlement import finality
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import Cursor, read_cursor
from token_service.chain.settlement.lanes import IN_FLIGHT, Code
from token_service.ledger.gas_spending import to_gwei
from token_service.ledger.refused_ceilings import ChainCeiling
from token_service.ledger.settlement_tables import attempts, batches, blocks, transactions

GAS_PER_STEP: Final = 50
LOOKS_BEFORE_HALTING: Final = 6
LOOK_PAUSE_SECONDS: Final = 0.2
Flying = Row[int, str, int, int | None, str | None]
"""A transaction in flight: id, account, nonce, batch id, administrative operation's id."""


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction of ours that is in a canonical block."""

    transaction_id: int
    batch_id: int | None
    receipt: TransactionReceipt


def track(services: ChainServices) -> int:
    """How many receipts were taken in. Blocks above the indexer's cursor are left for later. Raises NodeUnreachable."""
    with services.store.read() as connection:
        cursor = read_cursor(connection, "indexed")
        flying = _in_flight(connection)
        gasless = _without_gas(connection)
    nodes = up_to_date(services.node, cursor.number)
    if not nodes or not (flying or gasless):
        return 0
    everybody, services = services, services.at_node(nodes[0])
    found, lost = _receipts(services, flying, cursor)
    for node in nodes[1:] if lost else ():  # one that lost a receipt must not hold up what others know
        more, lost = _receipts(services.at_node(node), lost, cursor)
        found += more
    if lost and _is_foreign(everybody, lost[0]):
        ceiling = finality.ceiling_of(services, lost[0].admin_operation_id)
        services.failpoint("track.before_commit")
        services.store.transact(lambda connection: _halt(connection, lost[0], ceiling))
        return 1
    gas = {row.id: reads.receipt(services.node, row.transaction_hash) for row in gasless}
    if not found and not gas:
        return 0
    services.failpoint("track.before_commit")
    services.store.transact(lambda connection: _write(connection, found, gas))
    services.failpoint("track.after_commit")
    return len(found) + len(gas)


def _in_flight(connection: Connection) -> Sequence[Flying]:
    columns = transactions.c
    query = select(columns.id, columns.operator, columns.nonce, columns.batch_id, columns.admin_operation_id)
    mine = query.where(columns.state.in_(IN_FLIGHT)).order_by(columns.operator, columns.nonce)
    return connection.execute(mine).all()


def _without_gas(connection: Connection) -> Sequence[Row[int, str]]:
    query = select(batches.c.id, batches.c.transaction_hash).where(
        batches.c.state == "mined", batches.c.gas_used.is_(None)
    )
    return connection.execute(query.limit(GAS_PER_STEP)).all()


def _receipts(services: ChainServices, flying: Iterable[Flying], cursor: Cursor) -> tuple[list[Found], list[Flying]]:
    """What is in a block at or below the cursor, and what has no receipt although its nonce is used."""
    counts: dict[str, int] = {}
    found, lost = [], []
    for row in flying:
        if row.operator not in counts:
            counts[row.operator] = reads.transaction_count(services.node, row.operator)
        if row.nonce >= counts[row.operator]:
            continue
        receipt = _receipt_of(services, row.id)
        if receipt is None:
            lost.append(row)
        elif receipt.block_number <= cursor.number:
            found.append(Found(row.id, row.batch_id, receipt))
    return found, lost


def _is_foreign(services: ChainServices, row: Flying) -> bool:
    """True once a final block holds another transaction with this nonce: somebody else has the key.

    A lane halts for a person, so one missing receipt proves nothing yet: a node that is just storing a block counts its
    transactions, even as of the block before, a moment before it knows their receipts. Of several nodes all must say the same.
    """
    with services.store.read() as connection:
        final = read_cursor(connection, "final")
    for _ in range(LOOKS_BEFORE_HALTING):
        nodes = up_to_date(services.node, final.number, now=True)
        if not nodes or not all(_says_foreign(services.at_node(node), row, final) for node in nodes):
            return False
        time.sleep(LOOK_PAUSE_SECONDS)
    return True


def _says_foreign(services: ChainServices, row: Flying, final: Cursor) -> bool:
    if reads.transaction_count(services.node, row.operator, hex(final.number)) <= row.nonce:
        return False
    return _receipt_of(services, row.id) is None


def _halt(connection: Connection, row: Flying, ceiling: ChainCeiling | None) -> None:
    """The nonce is gone and so is its transaction. It is never signed again under another nonce by itself (rule B): a batch
    waits for a person, an administrative operation has failed."""
    mine = update(transactions).where(transactions.c.id == row.id)
    connection.execute(mine.values(state="foreign"))
    reason = f"nonce {row.nonce} was used by a transaction that is not ours"
    if row.admin_operation_id is not None:
        finality.fail_operation(connection, row.admin_operation_id, reason, ceiling)
    lane_rows.halt_of(connection, row.operator, Code.FOREIGN, reason)


def _receipt_of(services: ChainServices, transaction_id: int) -> TransactionReceipt | None:
    """The receipt of whichever attempt won."""
    with services.store.read() as connection:
        query = select(attempts.c.hash).where(attempts.c.transaction_id == transaction_id)
        hashes = connection.execute(query.order_by(attempts.c.bump.desc())).scalars().all()
    receipts = (reads.receipt(services.node, value) for value in hashes)
    return next((receipt for receipt in receipts if receipt is not None), None)


def _write(connection: Connection, found: Sequence[Found], gas: dict[int, TransactionReceipt | None]) -> None:
    for item in found:
        mined_at = _canonical_time(connection, item.receipt)
        if mined_at is not None:
            _mine(connection, item, mined_at)
    for batch_id, receipt in gas.items():
        if receipt is not None:
            unknown = update(batches).where(batches.c.id == batch_id, batches.c.block_hash == receipt.block_hash)
            connection.execute(unknown.values(gas_used=receipt.gas_used))
            columns = transactions.c
            costless = update(transactions).where(columns.batch_id == batch_id, columns.fee_gwei.is_(None))
            mine = costless.where(columns.block_hash == receipt.block_hash)
            connection.execute(mine.values(fee_gwei=_fee(receipt)))


def _fee(receipt: TransactionReceipt) -> int | None:
    return None if receipt.cost_wei is None else to_gwei(receipt.cost_wei)


def _canonical_time(connection: Connection, receipt: TransactionReceipt) -> datetime | None:
    """The time of the receipt's block, None if that is not on the chain as far as it was read."""
    query = select(blocks.c.timestamp).where(blocks.c.hash == receipt.block_hash, blocks.c.state != "orphaned")
    return connection.execute(query).scalar_one_or_none()


def _mine(connection: Connection, item: Found, mined_at: datetime) -> None:
    receipt = item.receipt
    columns = transactions.c
    mine = update(transactions).where(columns.id == item.transaction_id, columns.state.in_(IN_FLIGHT))
    connection.execute(
        mine.values(
            state="mined",
            succeeded=receipt.succeeded,
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            mined_at=mined_at,
            fee_gwei=_fee(receipt),
        )
    )
    if item.batch_id is not None and not receipt.succeeded:
        _drain(connection, item.batch_id)


def _drain(connection: Connection, batch_id: int) -> None:
    operator = connection.execute(select(batches.c.operator).where(batches.c.id == batch_id)).scalar_one()
    lane = lane_rows.lane_of(connection, operator)
    if lane is not None:
        reason = "a batch failed on the chain"
        lane_rows.set_state(connection, lane.number, "draining", Code.FAILED, reason, only_from=("active",))
