"""How settlement stands, for people: lanes, what is final, and the age of the oldest entry that is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from token_service.ledger.settlement_tables import batches, lanes, leases, leaves
from token_service.ledger.store import Store
from token_service.units import EntryKind


@dataclass(frozen=True, slots=True)
class LaneView:
    """One operator's lane and why it stands still, if it does."""

    number: int
    operator: str
    state: str
    code: str | None
    reason: str | None
    retiring: bool
    next_nonce: int
    next_seq: int


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Entries and facts that are not final yet; `oldest_at` is when the oldest of them was recorded, None if there is none."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is final: batches, entries that moved points, facts beside them, gas."""

    batches: int
    entries: int
    facts: int
    gas: int


def unsettled(store: Store) -> Unsettled:
    """The figures now."""
    columns = leaves.c
    query = select(func.count(), func.min(columns.recorded_at)).where(
        columns.state.in_(("accepted", "batched", "mined"))
    )
    with store.read() as connection:
        return Unsettled(*connection.execute(query).one())


def lane_views(store: Store) -> tuple[LaneView, ...]:
    """Every lane, in order."""
    columns = lanes.c
    query = select(
        columns.number,
        columns.operator,
        columns.state,
        columns.reason_code,
        columns.reason,
        columns.is_retiring,
        columns.next_nonce,
        columns.next_seq,
    )
    with store.read() as connection:
        return tuple(LaneView(*row) for row in connection.execute(query.order_by(columns.number)))


def live_workers(store: Store, now: datetime) -> int:
    """How many workers share the settling, as their leases say; 0 on SQLite, where the one worker has none."""
    query = select(func.count()).where(leases.c.name.startswith("worker:"), leases.c.expires_at > now)
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


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


def settled_points(store: Store) -> dict[EntryKind, int]:
    """Σ points of final entries, ≥ 0, by kind; kinds without any are missing."""
    columns = leaves.c
    query = select(columns.kind, func.sum(columns.amount)).where(columns.state == "final").group_by(columns.kind)
    with store.read() as connection:
        return {EntryKind(kind): int(points) for kind, points in connection.execute(query) if kind != EntryKind.FACT}
