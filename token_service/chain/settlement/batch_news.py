"""What has become of batches since one last looked: for the worker's log, where a purchase is followed from entry to block."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, func, or_, select

from token_service.chain.settlement.lanes import read_lanes
from token_service.ledger.settlement_tables import attempts, batches, transactions

OPEN = ("planned", "mined")
STILL_MOVING = ("planned", "sent", "mined")


@dataclass(frozen=True, slots=True)
class BatchNews:
    """Where a batch stands now: `sent` (a transaction the node was given), `mined`, `final`, or `reverted`."""

    state: str
    batch_id: int
    lane: int
    seq: int
    leaves: int
    words: int
    transaction: str | None
    block: int | None
    gas: int | None


@dataclass(slots=True)
class BatchWatch:
    """Remembers open batches by id. The first look is the beginning: what happened before is no news."""

    seen: dict[int, tuple[str, str | None, int | None]] = field(default_factory=dict)
    newest: int | None = None

    def look(self, connection: Connection, lanes: Collection[int]) -> list[BatchNews]:
        """The news of these lanes' batches, by id."""
        is_first = self.newest is None
        if self.newest is None:
            self.newest = connection.execute(select(func.max(batches.c.id))).scalar_one() or 0
        found = self._read(connection, lanes)
        news = (
            []
            if is_first
            else [one for one in found if one.state != "planned" and self.seen.get(one.batch_id) != _place(one)]
        )
        self.seen = {one.batch_id: _place(one) for one in found if one.state in STILL_MOVING}
        self.newest = max([self.newest, *(one.batch_id for one in found)])
        return news

    def _read(self, connection: Connection, lanes: Collection[int]) -> list[BatchNews]:
        numbers = {lane.operator: lane.number for lane in read_lanes(connection) if lane.number in lanes}
        columns, others = batches.c, attempts.alias()
        newest = select(func.max(others.c.bump)).where(others.c.transaction_id == transactions.c.id).scalar_subquery()
        query = (
            select(batches, attempts.c.hash, transactions.c.state.label("transaction_state"))
            .outerjoin(transactions, transactions.c.batch_id == columns.id)
            .outerjoin(attempts, and_(attempts.c.transaction_id == transactions.c.id, attempts.c.bump == newest))
            .where(columns.operator.in_(numbers))
            .where(or_(columns.state.in_(OPEN), columns.id > self.newest, columns.id.in_(self.seen)))
            .order_by(columns.id, transactions.c.id)
        )
        latest = {row.id: row for row in connection.execute(query)}  # of several transactions the newest
        return [
            BatchNews(
                state="sent" if row.state == "planned" and row.transaction_state not in (None, "signed") else row.state,
                batch_id=row.id,
                lane=numbers[row.operator],
                seq=row.seq,
                leaves=row.leaf_count,
                words=row.word_count,
                transaction=row.transaction_hash or row.hash,
                block=row.block_number,
                gas=row.gas_used,
            )
            for row in latest.values()
        ]


def _place(one: BatchNews) -> tuple[str, str | None, int | None]:
    return one.state, one.transaction, one.block
