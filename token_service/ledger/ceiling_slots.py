"""Room under a ceiling that is set aside for some, so that they need not wait for each other (ceilings.py).

Whoever issues for a merchant adds to the merchant's one counter and keeps its row until the commit is on the disk: some 200
issuances a second are all that one merchant could have, however many cores there are. So on PostgreSQL a transaction
that adds to the counter adds a little more than it issues, and leaves that in a slot, from which later transactions of the
same connection take without touching the counter. The counter is never below what was issued; what lies in slots comes
back when the counter has no room left. SQLite has one writer at a time, and no slots.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Integer, bindparam, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from token_service.ledger import direct
from token_service.ledger.tables import ceiling_slots, merchants
from token_service.ledger.transaction import Transaction

SLOTS: Final = 16
"""Slots of a merchant; a connection has one of them, by its server process."""
SHARE: Final = 8 * SLOTS
"""A slot is given this part of the room that is left, so all together never hold more than an eighth of it."""

_columns = ceiling_slots.c
_MINE: Final = literal_column(f"mod(pg_backend_pid(), {SLOTS})", Integer)
_TAKE: Final = (
    update(ceiling_slots)
    .where(
        _columns.merchant_id == bindparam("of"),
        _columns.slot == _MINE,
        _columns.window_number == bindparam("window"),
        _columns.points_left >= bindparam("points"),
    )
    .values(points_left=_columns.points_left - bindparam("points"))
)

SET_ASIDE: Final = (
    select(func.coalesce(func.sum(_columns.points_left), 0))
    .where(_columns.merchant_id == merchants.c.id, _columns.window_number == merchants.c.window_number)
    .correlate(merchants)
    .scalar_subquery()
)
"""What lies in the slots of the merchant of an enclosing query: counted, and issued by nobody yet."""


def share_of(tx: Transaction, room: int) -> int:
    """How many points more than it issues a transaction should count, and put aside."""
    return 0 if tx.context.store.is_sqlite else max(0, room) // SHARE


def take(tx: Transaction, merchant_id: str, *, window: int, points: int) -> bool:
    """Whether the slot of this connection had these points."""
    if tx.context.store.is_sqlite:
        return False
    return direct.change(tx.connection, _TAKE, [{"of": merchant_id, "window": window, "points": points}]) == 1


def put(tx: Transaction, merchant_id: str, *, window: int, points: int) -> None:
    """Puts points that the counter has counted into the slot of this connection."""
    new = insert(ceiling_slots).values(merchant_id=merchant_id, slot=_MINE, window_number=window, points_left=points)
    is_same_window = _columns.window_number == new.excluded.window_number
    left = case((is_same_window, _columns.points_left), else_=0) + new.excluded.points_left
    tx.connection.execute(
        new.on_conflict_do_update(
            index_elements=[_columns.merchant_id, _columns.slot],
            set_={"window_number": new.excluded.window_number, "points_left": left},
        )
    )


def take_back(tx: Transaction, merchant_id: str, *, window: int | None) -> int:
    """Empties every slot of the merchant, whose row is locked: waits for those who are taking. The points of this window."""
    if tx.context.store.is_sqlite:
        return 0
    emptied = delete(ceiling_slots).where(_columns.merchant_id == merchant_id)
    rows = tx.connection.execute(emptied.returning(_columns.window_number, _columns.points_left))
    return sum(row.points_left for row in rows if row.window_number == window)


def set_aside(tx: Transaction, merchant_ids: Iterable[str]) -> dict[str, int]:
    """What lies in the slots of each merchant: counted, and issued by nobody yet."""
    if tx.context.store.is_sqlite:
        return {}
    query = select(merchants.c.id, SET_ASIDE).where(merchants.c.id.in_(list(merchant_ids)))
    return {merchant_id: int(points) for merchant_id, points in tx.connection.execute(query)}
