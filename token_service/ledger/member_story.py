"""One member's whole story for staff: every entry and fact in the order of recording, open lots, merchants, who acted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select, tuple_, union_all

from token_service.ledger import cursors, tables, views
from token_service.ledger.context import Context
from token_service.ledger.entry_views import entry_query, entry_view, fact_query, fact_view
from token_service.ledger.schema import UtcTime
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staff_tables import staff
from token_service.ledger.transaction import Transaction, read

_UNSETTLED: Final = 2**59
"""Stands for the place of a void, which has no leaf: the last of what was recorded at its instant."""
_MICROSECONDS: Final = UtcTime()


@dataclass(frozen=True, slots=True)
class OpenLot:
    """What is left of one credit; `expires_at` None: never."""

    id: str
    merchant_name: str
    points: int
    left: int
    issued_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownBy:
    """A merchant that knows the member, and under which id of its own."""

    merchant_id: str
    merchant_name: str
    external_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class MergedPart:
    """An account that became part of another one."""

    id: str
    name: str | None
    email: str | None
    merged_at: datetime


def story(
    context: Context, member_id: str, *, limit: int = cursors.LIMIT_DEFAULT, cursor: str | None = None
) -> views.Page[views.EntryView]:
    """Entries and facts of the member, newest first; a fact moves 0 points. Raises InvalidInput (cursor), NotFound."""
    cursors.check_limit(limit)
    before = None if cursor is None else _place(cursor)

    def work(tx: Transaction) -> views.Page[views.EntryView]:
        tx.account(member_id)
        rows = _places(tx.connection, member_id, limit + 1, before)
        lines = _lines(tx, rows[:limit])
        more = len(rows) > limit
        return views.Page(lines, cursors.encode(_cursor(rows[limit - 1])) if more else None)

    return read(context, work)


def open_lots_of(context: Context, member_id: str) -> tuple[OpenLot, ...]:
    """The lots that still have points, in the order in which they will be used: soonest date first, without one last."""
    lots, merchants = tables.lots.c, tables.merchants.c
    query = (
        select(lots.entry_id, merchants.name, lots.points, lots.points_left, lots.issued_at, lots.expires_at)
        .join(tables.merchants, merchants.party == lots.party)
        .where(lots.member_id == member_id, lots.points_left > 0)
        .order_by(lots.expires_at.is_(None), lots.expires_at, lots.issued_at, lots.entry_id)
    )
    with context.store.read() as connection:
        return tuple(OpenLot(*row) for row in connection.execute(query))


def known_by(context: Context, member_id: str) -> tuple[KnownBy, ...]:
    """The merchants that know the member, also by an account that became part of theirs, the first one first."""
    links, merchants, members = tables.member_merchants.c, tables.merchants.c, tables.members.c
    parts = select(members.id).where(members.merged_into == member_id)
    query = (
        select(merchants.id, merchants.name, links.external_id, links.since)
        .join(tables.member_merchants, links.merchant_id == merchants.id)
        .where(or_(links.member_id == member_id, links.member_id.in_(parts)))
        .order_by(links.since, merchants.party)
    )
    with context.store.read() as connection:
        return tuple(KnownBy(*row) for row in connection.execute(query))


def merged_parts(context: Context, member_id: str) -> tuple[MergedPart, ...]:
    """The accounts that became part of this one, the first one first."""
    columns, done = tables.members.c, tables.operations.c
    query = (
        select(columns.id, columns.name, columns.email, done.recorded_at)
        .join(tables.operations, done.reference == "merge/" + columns.id)
        .where(done.kind == "merge", done.member_id == member_id, columns.merged_into == member_id)
        .order_by(done.seq)
    )
    with context.store.read() as connection:
        return tuple(MergedPart(*row) for row in connection.execute(query))


def actor_names(context: Context, actors: Iterable[str]) -> dict[str, str]:
    """The names of those who acted, by what the ledger calls them: people of the staff and API keys; others are missing."""
    wanted = sorted(set(actors))
    found: dict[str, str] = {}
    with context.store.read() as connection:
        for table in (staff, tables.api_keys):
            ids = [one for one in wanted if one.startswith("stf_" if table is staff else "key_")]
            if ids:
                query = select(table.c.id, table.c.name).where(table.c.id.in_(ids))
                found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _places(
    connection: Connection, member_id: str, count: int, before: tuple[datetime, int, int] | None
) -> list[Row[Any]]:
    """(recorded_at, leaf, seq, id) of the newest lines: leaves are numbered in the order of recording."""
    sources = union_all(
        *(
            select(table.c.recorded_at, table.c.seq, table.c.id).where(table.c.member_id == member_id)
            for table in (tables.entries, tables.facts)
        )
    ).subquery()
    leaf = func.coalesce(leaves.c.seq, _UNSETTLED).label("leaf")
    order = (sources.c.recorded_at, leaf, sources.c.seq)
    query = select(*order, sources.c.id).outerjoin(leaves, leaves.c.id == sources.c.id)
    query = query.order_by(*(column.desc() for column in order))
    if before is not None:
        query = query.where(tuple_(*order) < before)
    return list(connection.execute(query.limit(count)))


def _lines(tx: Transaction, rows: list[Row[Any]]) -> tuple[views.EntryView, ...]:
    found: dict[str, views.EntryView] = {}
    for table, query, view, prefix in (
        (tables.entries, entry_query(), entry_view, "ent_"),
        (tables.facts, fact_query(), fact_view, "fct_"),
    ):
        ids = [row.id for row in rows if row.id.startswith(prefix)]
        if ids:
            found |= {row.id: view(tx, row) for row in tx.connection.execute(query.where(table.c.id.in_(ids)))}
    return tuple(found[row.id] for row in rows)


def _cursor(row: Row[Any]) -> str:
    return f"{_MICROSECONDS.process_bind_param(row.recorded_at, None)}_{row.leaf}_{row.seq}"


def _place(cursor: str) -> tuple[datetime, int, int]:
    parts = cursors.decode(cursor).split("_")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) <= 18 for part in parts):
        raise cursors.wrong()
    microseconds, leaf, seq = map(int, parts)
    at = _MICROSECONDS.process_result_value(microseconds, None)
    assert at is not None
    return at, leaf, seq
