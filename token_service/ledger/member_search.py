"""Members found by what somebody says of them: name, e-mail address, a merchant's own id, our id, address on the chain.

A text finds whoever has it whole or begins with it; of a name also a later word. Case does not matter. Each way is a query
of its own with the list's limit, in the order of ids, so that a page costs the same however many members there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from token_service.ledger import cursors
from token_service.ledger.context import Context
from token_service.ledger.sessions import normal_email
from token_service.ledger.tables import member_merchants, members, merchants
from token_service.ledger.views import Page

TEXT_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class FoundMember:
    """What a list says of a member. `external_ids` are all merchants' own names for them."""

    id: str
    name: str | None
    email: str | None
    external_ids: tuple[str, ...]
    merchant_name: str  # who enrolled them
    available: int
    frozen: bool
    state: str
    created_at: datetime


def search_members(
    context: Context, text: str, *, limit: int = cursors.LIMIT_DEFAULT, cursor: str | None = None
) -> Page[FoundMember]:
    """Who is found, oldest first; without a text everybody, newest first. Raises InvalidInput (cursor, limit)."""
    cursors.check_limit(limit)
    wanted = text.strip()[:TEXT_LENGTH_MAX]
    place = None if cursor is None else cursors.decode(cursor)
    with context.store.read() as connection:
        ids = _found(connection, wanted, limit + 1, place) if wanted else _newest(connection, limit + 1, place)
        shown = _shown(connection, ids[:limit])
    return Page(shown, cursors.encode(ids[limit - 1]) if len(ids) > limit else None)


def _newest(connection: Connection, count: int, before: str | None) -> list[str]:
    query = select(members.c.id).order_by(members.c.id.desc()).limit(count)
    if before is not None:
        query = query.where(members.c.id < before)
    return list(connection.execute(query).scalars())


def _found(connection: Connection, text: str, count: int, after: str | None) -> list[str]:
    """Ids, in order, at most `count`: the first of each way are enough for the first of all."""
    found: set[str] = set()
    for query in _ways(text):
        narrowed = query if after is None else query.where(members.c.id > after)
        found |= set(connection.execute(narrowed.order_by(members.c.id).limit(count)).scalars())
    return sorted(found)[:count]


def _ways(text: str) -> Iterator[Select[str]]:
    columns, ids = members.c, select(members.c.id)
    yield ids.where(columns.id == text)
    yield ids.where(columns.email == normal_email(text))
    yield ids.where(columns.email.startswith(normal_email(text), autoescape=True))
    if text.lower().startswith("0x"):
        yield ids.where(columns.address.istartswith(text, autoescape=True))
        return
    links = member_merchants.c
    known = ids.join(member_merchants, links.member_id == columns.id)
    yield known.where(links.external_id.istartswith(text, autoescape=True)).distinct()
    yield ids.where(_is_name(text))


def _is_name(text: str) -> ColumnElement[bool]:
    """SQLite folds the case of English letters only, so the usual spellings of others are asked for too."""
    spellings = dict.fromkeys((text, text.lower(), text.title(), text.capitalize(), text.upper()))
    name = members.c.name
    return or_(
        *(name.istartswith(one, autoescape=True) for one in spellings),
        *(name.icontains(" " + one, autoescape=True) for one in spellings),
    )


def _shown(connection: Connection, ids: list[str]) -> tuple[FoundMember, ...]:
    """These members, in this order."""
    if not ids:
        return ()
    columns, links = members.c, member_merchants.c
    query: Select[Any] = select(
        columns.id, columns.name, columns.email, columns.available, columns.frozen, columns.state, columns.created_at
    ).add_columns(merchants.c.name.label("merchant_name"))
    query = query.join(merchants, merchants.c.id == columns.merchant_id).where(columns.id.in_(ids))
    rows = {row.id: row for row in connection.execute(query)}
    named = select(links.member_id, links.external_id).where(links.member_id.in_(ids))
    # Named merchants let the database use the key (merchant, member) that there is.
    named = named.where(links.merchant_id.in_(select(merchants.c.id))).order_by(links.since, links.external_id)
    external: dict[str, list[str]] = {}
    for member_id, external_id in connection.execute(named):
        external.setdefault(member_id, []).append(external_id)
    return tuple(
        FoundMember(external_ids=tuple(external.get(one, ())), **rows[one]._mapping) for one in ids if one in rows
    )
