"""Members found by what somebody says of them: name, e-mail address, a merchant's own id, our id, address on the chain.

A text finds whoever has it whole or begins with it; of a name also a later word. Case does not matter. Each way is a query
of its own with the list's limit, in the order of ids: what is whole by an index, the rest by one look through the members.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, literal, or_, select

from token_service.ledger import cursors
from token_service.ledger.context import Context
from token_service.ledger.sessions import normal_email
from token_service.ledger.tables import member_merchants, members, merchants
from token_service.ledger.user_tables import member_users
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
    """Ids, in order, at most `count`: the first of each way are enough for the first of all. Whoever has the text whole as
    their id, address or e-mail address is all that is meant."""
    whole = _ids(connection, _whole(text), count, after)
    if whole or (after is not None and _ids(connection, _whole(text), 1, None)):
        return whole
    return _ids(connection, _begun(text), count, after)


def _ids(connection: Connection, ways: Iterator[Select[str]], count: int, after: str | None) -> list[str]:
    found: set[str] = set()
    for query in ways:
        narrowed = query if after is None else query.where(members.c.id > after)
        found |= set(connection.execute(narrowed.order_by(members.c.id).limit(count)).scalars())
    return sorted(found)[:count]


def _whole(text: str) -> Iterator[Select[str]]:
    """By the indexes: as fast among millions."""
    columns = members.c
    for condition in (columns.id == text, columns.address == text, columns.email == normal_email(text)):
        yield select(columns.id).where(condition)
    as_user = select(member_users.c.member_id).where(member_users.c.email == normal_email(text))
    yield select(columns.id).where(columns.id.in_(as_user))


def _begun(text: str) -> Iterator[Select[str]]:
    columns, ids = members.c, select(members.c.id)
    if text.lower().startswith("0x"):
        yield ids.where(columns.address.istartswith(text, autoescape=True))
        return
    yield ids.where(columns.email.startswith(normal_email(text), autoescape=True))
    if "@" in text:
        return
    links = member_merchants.c
    known = ids.join(member_merchants, links.member_id == columns.id)
    yield known.where(links.external_id.istartswith(text, autoescape=True)).distinct()
    yield ids.where(_is_name(text))


def _is_name(text: str) -> ColumnElement[bool]:
    """SQLite folds the case of English letters only, so the usual spellings of others are asked for too."""
    name, spellings = members.c.name, dict.fromkeys((text,))
    if not text.isascii():
        spellings |= dict.fromkeys((text.lower(), text.title(), text.capitalize(), text.upper()))
    return or_(*((literal(" ") + name).icontains(" " + one, autoescape=True) for one in spellings))


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
