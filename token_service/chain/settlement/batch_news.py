"""What has become of batches since one last looked: for the worker's log, where a purchase is followed from entry to block, and
for its figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from token_service.chain.settlement.lanes import read_lanes
from token_service.ledger.settlement_tables import attempts, batches, leaves, transactions
from token_service.ledger.tally import Tally
from token_service.ledger.worker_figures import (
    ACCEPT_TO_FINAL,
    ACCEPT_TO_MINED,
    BATCHES,
    BUMPS,
    FEES,
    GAS_USED,
    REORGED,
    SETTLED,
)

OPEN = ("planned", "mined")
STILL_MOVING = ("planned", "sent", "mined", "taken_back")


@dataclass(frozen=True, slots=True)
class BatchNews:
    """Where a batch stands now: `sent` (the node was given a transaction), `mined`, `taken_back` (its block left the chain),
    `final` or `reverted`; and where it `was` the last time, None for one that is new."""

    state: str
    was: str | None
    batch_id: int
    lane: int
    seq: int
    leaves: int
    words: int
    transaction: str | None
    block: int | None
    gas: int | None
    fee_gwei: int | None


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
            select(batches, attempts.c.hash, transactions.c.state.label("transaction_state"), transactions.c.fee_gwei)
            .outerjoin(transactions, transactions.c.batch_id == columns.id)
            .outerjoin(attempts, and_(attempts.c.transaction_id == transactions.c.id, attempts.c.bump == newest))
            .where(columns.operator.in_(numbers))
            .where(or_(columns.state.in_(OPEN), columns.id > self.newest, columns.id.in_(self.seen)))
            .order_by(columns.id, transactions.c.id)
        )
        latest = {row.id: row for row in connection.execute(query)}  # of several transactions the newest
        return [
            BatchNews(
                was=(was := self.seen[row.id][0] if row.id in self.seen else None),
                state=_state(row, was),
                batch_id=row.id,
                lane=numbers[row.operator],
                seq=row.seq,
                leaves=row.leaf_count,
                words=row.word_count,
                transaction=row.transaction_hash or row.hash,
                block=row.block_number,
                gas=row.gas_used,
                fee_gwei=row.fee_gwei,
            )
            for row in latest.values()
        ]


def _state(row: Row[Any], was: str | None) -> str:
    if row.state != "planned":
        return str(row.state)
    if was == "mined":
        return "taken_back"
    return "planned" if row.transaction_state in (None, "signed") else "sent"


def _place(one: BatchNews) -> tuple[str, str | None, int | None]:
    return one.state, one.transaction, one.block


def count_news(tally: Tally, one: BatchNews, connection: Connection, now: datetime) -> None:
    """What a batch's news adds to the figures of its lane."""
    lane = str(one.lane)
    if one.state == "taken_back" or one.was == one.state == "mined":
        tally.add(REORGED, lane)
    if one.state == "sent" and one.was == "sent":
        tally.add(BUMPS, lane)
    tally.add(BATCHES, lane, one.state)
    if one.state in ("mined", "final") and one.was != "mined":
        tally.add(ACCEPT_TO_MINED, lane, value=_waited(connection, one.batch_id))
    if one.state == "final":
        tally.add(SETTLED, lane, value=one.leaves)
        tally.add(GAS_USED, lane, value=one.gas or 0)
        tally.add(FEES, lane, value=one.fee_gwei or 0)
        tally.add(ACCEPT_TO_FINAL, lane, value=_waited(connection, one.batch_id, now))


def _waited(connection: Connection, batch_id: int, until: datetime | None = None) -> float:
    """Seconds since acceptance, summed over the batch's leaves; until its block's time, unless another is given."""
    if until is None:
        until = connection.execute(select(batches.c.block_time).where(batches.c.id == batch_id)).scalar_one()
    accepted = connection.execute(select(leaves.c.recorded_at).where(leaves.c.batch_id == batch_id)).scalars()
    return sum(max(0.0, (until - at).total_seconds()) for at in accepted) if until is not None else 0.0
