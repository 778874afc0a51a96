"""Who asks for notices: a merchant's mail system for all that is new, oldest first; a member's pages and the console for one
member's, newest first. Those of a closed account are kept, and shown to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, and_, func, literal, select, text

from token_service.errors import InvalidInput, NotFound, Place
from token_service.ledger import cursors, tables, views
from token_service.ledger.balances import balances_of, seen_by, visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.notice_tables import notices, seen_notices
from token_service.ledger.notice_views import MemberNotices, Notice, NoticeBalance
from token_service.ledger.store import Store
from token_service.ledger.transaction import Transaction, read, write

_notices, _members, _links = notices.c, tables.members.c, tables.member_merchants.c
WALKED: Final = 1_000
"""Notices to walk through before others' are left out."""
_WRITTEN: Final = text(
    "select (extract(epoch from least(statement_timestamp(), min(xact_start))) * 1000000)::bigint from pg_stat_activity "
    "where datname = current_database() and backend_xid is not null"
)
"""What transactions under way may still write is numbered, and stored, later than this."""


def list_notices(
    context: Context,
    actor: Actor,
    *,
    merchant_id: str | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[Notice]:
    """Oldest first, from `since` on, or those behind the notice `after`: of a merchant's members, of all for an admin who names
    none. Who goes on behind the last one that they got misses none and gets none twice.

    Raises InvalidInput (cursor, `after`), NotFound, Forbidden.
    """
    cursors.check_limit(limit)
    merchant = merchant_id if actor.is_admin else actor.acting_merchant(merchant_id)
    query = _query(merchant, strict=merchant is not None).where(_members.state != "closed")
    begins = 0 if cursor is None else cursors.decode_number(cursor)
    if kind is not None:
        query = query.where(_notices.kind == kind)
    if since is not None:
        query = query.where(_notices.created_at >= since)
    written = _written_until(context.store)
    if written is not None:
        query = query.where(_notices.stored_at < written)

    def work(tx: Transaction) -> views.Page[Notice]:
        place = begins if after is None else max(begins, _place_of(tx, after))
        rows = _behind(tx, query, place, limit + 1, merchant)
        balances = _balances(tx, rows)
        return cursors.page(rows, limit, "seq", lambda row: _view(tx, row, balances))

    return read(context, work)


def list_of_member(
    context: Context,
    actor: Actor,
    member_id: str,
    *,
    kind: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> MemberNotices:
    """One member's, newest first; none of a closed account. Raises NotFound, InvalidInput (cursor)."""
    cursors.check_limit(limit)

    def work(tx: Transaction) -> MemberNotices:
        account = visible_account(tx, actor, member_id)
        query = _query(seen_by(actor, account.id), strict=False).where(_notices.member_id == account.id)
        query = query.where(_members.state != "closed").order_by(_notices.seq.desc()).limit(limit + 1)
        if kind is not None:
            query = query.where(_notices.kind == kind)
        if cursor is not None:
            query = query.where(_notices.seq < cursors.decode_number(cursor))
        rows = tx.connection.execute(query).all()
        seen, balances = _seen(tx, account.id), _balances(tx, rows)
        page = cursors.page(rows, limit, "seq", lambda row: _view(tx, row, balances))
        unseen = frozenset(row.id for row in rows[:limit] if row.seq > seen)
        return MemberNotices(page.data, unseen, page.next_cursor)

    return read(context, work)


def mark_seen(context: Context, actor: Actor, notice_id: str) -> None:
    """The member has seen this one and all before it. Raises NotFound for one that is not theirs."""

    def work(tx: Transaction) -> None:
        account = visible_account(tx, actor, actor.member_id or "")
        query = select(_notices.seq).where(_notices.id == notice_id, _notices.member_id == account.id)
        seq = tx.connection.execute(query).scalar_one_or_none()
        if seq is None:
            raise NotFound("no such notice")
        values = {"seq": max(seq, _seen(tx, account.id)), "seen_at": tx.now}
        here = seen_notices.c.member_id == account.id
        if not tx.connection.execute(seen_notices.update().where(here).values(**values)).rowcount:
            tx.connection.execute(seen_notices.insert().values(member_id=account.id, **values))

    write(context, work)


def _query(merchant_id: str | None, *, strict: bool) -> Select[Any]:
    """Notices with the member's name at that merchant, else at the one that enrolled them; `strict`: only of its members."""
    asking = _members.merchant_id if merchant_id is None else literal(merchant_id)
    is_theirs = and_(_links.member_id == _members.id, _links.merchant_id == asking)
    query = select(notices, _links.external_id).join(tables.members, _members.id == _notices.member_id)
    return query.join(tables.member_merchants, is_theirs, isouter=not strict)


def _behind(tx: Transaction, query: Select[Any], place: int, most: int, merchant_id: str | None) -> Sequence[Row[Any]]:
    """The first so many notices behind a place. They are walked through in their order, which soon fills a page. Where it does
    not, most of what is new is of other merchants' members: this merchant's are asked, if they are fewer than the notices.
    """
    far = place + WALKED
    near = query.where(_notices.seq > place, _notices.seq <= far).order_by(_notices.seq)
    rows = list(tx.connection.execute(near.limit(most)).all())
    rest = int(tx.connection.execute(select(func.coalesce(func.max(_notices.seq), 0))).scalar_one()) - far
    if len(rows) == most or rest <= 0:
        return rows
    query = query.where(_notices.seq > far)
    query = query.order_by(_notices.seq + 0 if _has_fewer(tx, merchant_id, rest) else _notices.seq)
    return rows + list(tx.connection.execute(query.limit(most - len(rows))).all())


def _has_fewer(tx: Transaction, merchant_id: str | None, count: int) -> bool:
    """Whether the merchant has fewer members than so many. `seq + 0` is no index's order: the database then begins with them."""
    if merchant_id is None:
        return False
    some = select(literal(1)).where(_links.merchant_id == merchant_id).limit(count).subquery()
    return int(tx.connection.execute(select(func.count()).select_from(some)).scalar_one()) < count


def _written_until(store: Store) -> int | None:
    """Rows stored before this instant are all there, and so are those with lower numbers. Asked before the list's snapshot is
    taken. None on SQLite, where one transaction writes after the other.
    """
    if store.is_sqlite:
        return None
    with store.ask() as connection:
        return int(connection.execute(_WRITTEN).scalar_one())


def _place_of(tx: Transaction, notice_id: str) -> int:
    seq = tx.connection.execute(select(_notices.seq).where(_notices.id == notice_id)).scalar_one_or_none()
    if seq is None:
        detail = "is no notice that this ledger knows; ask with `since`, and leave out keys that you know"
        raise InvalidInput(f"after {detail}", places=(Place("/after", detail),))
    return int(seq)


def _seen(tx: Transaction, member_id: str) -> int:
    query = select(func.coalesce(func.max(seen_notices.c.seq), 0)).where(seen_notices.c.member_id == member_id)
    return int(tx.connection.execute(query).scalar_one())


def _balances(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, NoticeBalance]:
    """By member, in as many queries for a page as for one notice."""
    ids = {row.member_id for row in rows}
    if not ids:
        return {}
    tx.lock_accounts(ids)
    found = balances_of(tx, [tx.account(member_id) for member_id in sorted(ids)])
    return {
        member_id: NoticeBalance(one.available, one.pending, one.expiring[0] if one.expiring else None)
        for member_id, one in found.items()
    }


def _view(tx: Transaction, row: Row[Any], balances: Mapping[str, NoticeBalance]) -> Notice:
    return Notice(
        id=row.id,
        key=f"{row.kind}:{row.member_id}:{row.cause}",
        created_at=row.created_at,
        kind=row.kind,
        member_id=row.member_id,
        external_id=row.external_id,
        data=row.data,
        ruleset=tx.ruleset_hash_at(row.created_at),
        balance=balances[row.member_id],
    )
