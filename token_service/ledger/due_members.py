"""The next members for whom something is due, a chunk at a time, locked in one order."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Select, literal, select, tuple_

from token_service.ledger import tables
from token_service.ledger.transaction import Transaction

CHUNK: Final = 250


def next_members(tx: Transaction, query: Select[str], column: ColumnElement[str], place: str) -> list[str]:
    """The next chunk of members behind `place`, locked, without the frozen ones. The place is said of both tables of a join: else
    each chunk would walk again through all members before it.
    """
    behind = (column > place, tables.members.c.id > place)
    query = query.where(*behind, tables.members.c.frozen.is_(False)).order_by(column).limit(CHUNK)
    ids = list(tx.connection.execute(query).scalars())
    tx.lock_accounts(ids)
    return ids


def next_by_date(
    tx: Transaction, due: Column[Any], until: date | datetime, place: str, *only: ColumnElement[bool]
) -> tuple[list[str], str | None]:
    """The next chunk of members whose date of this kind (a day or an instant, as its column is) has come by `until`, locked,
    without the frozen ones; and the place behind it (None: no more). In the order of an index of date and id, which the database
    takes whatever it believes of how many are due: else SQLite looks at everybody each time, and PostgreSQL after a day on which
    all were due.
    """
    members = tables.members.c
    query = select(members.id, due).where(due <= until, members.frozen.is_(False), *only)
    if place:
        at, _, member_id = place.partition(" ")
        behind = tuple_(literal(type(until).fromisoformat(at), due.type), literal(member_id))
        query = query.where(tuple_(due, members.id) > behind)
    rows = tx.connection.execute(query.order_by(due, members.id).limit(CHUNK)).all()
    tx.lock_accounts(row[0] for row in rows)
    return [row[0] for row in rows], f"{rows[-1][1].isoformat()} {rows[-1][0]}" if rows else None
