"""What has not reached the chain for good: figures for `settle`, `doctor` and the status page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from token_service.ledger.settlement_tables import admin_operations, batches, lanes, leaves
from token_service.ledger.store import Store

UNSETTLED = ("accepted", "batched", "mined")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Leaves by how far they are; `oldest_at` is when the oldest unsettled one was recorded. `orders` are
    administrative.
    """

    accepted: int
    batched: int
    mined: int
    oldest_at: datetime | None
    orders: int

    @property
    def unsettled(self) -> int:
        return self.accepted + self.batched + self.mined


@dataclass(frozen=True, slots=True)
class LaneView:
    """One operator's lane and why it stands still, if it does."""

    operator: str
    state: str
    reason: str | None
    next_nonce: int
    next_seq: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What is final: batches, entries that moved points, facts beside them, gas."""

    batches: int
    entries: int
    facts: int
    gas: int


def backlog(store: Store) -> Backlog:
    """The figures now."""
    counting = (
        select(leaves.c.state, func.count(), func.min(leaves.c.recorded_at))
        .where(leaves.c.state.in_(UNSETTLED))
        .group_by(leaves.c.state)
    )
    orders = select(func.count()).where(admin_operations.c.state.in_(("accepted", "sent")))
    with store.read() as connection:
        rows = connection.execute(counting).all()
        open_orders = connection.execute(orders).scalar_one()
    counts = {row[0]: row[1] for row in rows}
    oldest = min((row[2] for row in rows), default=None)
    return Backlog(
        counts.get("accepted", 0), counts.get("batched", 0), counts.get("mined", 0), oldest, int(open_orders)
    )


def lane_views(store: Store) -> tuple[LaneView, ...]:
    """Every lane, in order."""
    columns = (lanes.c.operator, lanes.c.state, lanes.c.reason, lanes.c.next_nonce, lanes.c.next_seq)
    with store.read() as connection:
        return tuple(LaneView(*row) for row in connection.execute(select(*columns).order_by(lanes.c.number)))


def settled(store: Store) -> Settled:
    """Sums over final batches."""
    totals = select(
        func.count(),
        func.coalesce(func.sum(batches.c.word_count), 0),
        func.coalesce(func.sum(batches.c.leaf_count - batches.c.word_count), 0),
        func.coalesce(func.sum(batches.c.gas_used), 0),
    ).where(batches.c.state == "final")
    with store.read() as connection:
        return Settled(*(int(value) for value in connection.execute(totals).one()))
