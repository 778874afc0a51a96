"""What a member has: available, pending, held, owed, expiring, over a lifetime, and on the chain (API.md).

A balance is the account's own figures and what stands around them: leaves on their way, dates of lots, the final block.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Row, Select, bindparam, case, func, literal_column, select, true

from token_service.ledger import direct, stored_lots, tables, views
from token_service.ledger.accounts import Account, Dates, Surroundings
from token_service.ledger.among import among
from token_service.ledger.context import Actor, Context
from token_service.ledger.settlement_tables import cursors, leaves
from token_service.ledger.transaction import Transaction, read
from token_service.units import CREDIT_KINDS

_lots, _members, _links = tables.lots.c, tables.members.c, tables.member_merchants.c
_CREDITS: Final = leaves.c.kind.in_([literal_column(str(int(kind))) for kind in sorted(CREDIT_KINDS)])
_WAITS: Final = leaves.c.state.in_([literal_column(f"'{state}'") for state in ("accepted", "batched", "mined")])
_SIGNED: Final = case((_CREDITS, leaves.c.amount), else_=-leaves.c.amount)
# FILTER and not WHERE: else PostgreSQL may walk through everybody's waiting leaves, by the index of states
_ON_ITS_WAY: Final = func.coalesce(func.sum(_SIGNED).filter(_WAITS), 0)
_WAITING: Final = func.count().filter(_WAITS)
_FREE: Final = _lots.points_left - _lots.points_held
_HAS_DATE: Final = (_lots.points_left > 0) & (_FREE > 0) & _lots.expires_at.is_not(None)
_BLOCK: Final = select(cursors.c.number).where(cursors.c.name == literal_column("'final'")).scalar_subquery()


def surroundings_query(*columns: ColumnElement[Any], of: FromClause | None = None) -> Select[Any]:
    """The surroundings of :member_id, a row for each date and at least one; beside them `columns` (of `of`)."""
    member_id: ColumnElement[str] = bindparam("member_id")
    waiting = (
        select(_ON_ITS_WAY.label("on_its_way"), _WAITING.label("waiting"))
        .where(leaves.c.member_id == member_id)
        .subquery("waiting")
    )
    dates = (
        select(_lots.expires_at, func.sum(_FREE).label("expiring"))
        .where(_lots.member_id == member_id, _HAS_DATE)
        .group_by(_lots.expires_at)
        .subquery("dates")
    )
    source = (waiting if of is None else of.join(waiting, true())).outerjoin(dates, true())
    surroundings = (
        waiting.c.on_its_way,
        waiting.c.waiting,
        _BLOCK.label("block"),
        dates.c.expires_at,
        dates.c.expiring,
    )
    return select(*surroundings, *columns).select_from(source).order_by(dates.c.expires_at)


_SURROUNDINGS: Final = surroundings_query()
_FIGURES: Final = (
    "available", "held", "pending", "debt", "issued", "redeemed", "expired", "reversed", "address",
    "merged_into",
)  # fmt: skip
_OF_ANY_MEMBER: Final = surroundings_query(*(_members[name] for name in _FIGURES), of=tables.members).where(
    _members.id == bindparam("member_id")
)
_OF_A_MERCHANTS_MEMBER: Final = _OF_ANY_MEMBER.where(
    select(_links.member_id)
    .where(_links.member_id == bindparam("member_id"), _links.merchant_id == bindparam("merchant_id"))
    .exists()
)
_WAITING_OF_MANY: Final = (
    select(leaves.c.member_id, _ON_ITS_WAY, _WAITING)
    .where(among(leaves.c.member_id, "member_ids"))
    .group_by(leaves.c.member_id)
)
_DATES_OF_MANY: Final = (
    select(_lots.member_id, _lots.expires_at, func.sum(_FREE))
    .where(among(_lots.member_id, "member_ids"), _HAS_DATE)
    .group_by(_lots.member_id, _lots.expires_at)
    .order_by(_lots.expires_at)
)


def get_balance(context: Context, actor: Actor, member_id: str) -> views.Balance:
    """A member's points. Raises NotFound for a member that the actor may not see."""
    merchant_id = seen_by(actor, member_id)
    query = _OF_ANY_MEMBER if merchant_id is None else _OF_A_MERCHANTS_MEMBER
    with context.store.ask() as connection:
        rows = direct.ask(connection, query, {"member_id": member_id, "merchant_id": merchant_id})
    if not rows or rows[0].merged_into is not None:
        return read(context, lambda tx: balance_of(tx, visible_account(tx, actor, member_id)))
    return _view(rows[0], surroundings_of(rows))


def visible_account(tx: Transaction, actor: Actor, member_id: str) -> Account:
    """The account, if the actor may see it: an admin all, a merchant those it is linked to, a member their own."""
    return tx.member_of(seen_by(actor, member_id), member_id=member_id, external_id=None)


def seen_by(actor: Actor, member_id: str) -> str | None:
    """The merchant whose members alone the actor may see; None when this one may be seen anyway."""
    return None if actor.is_admin or actor.member_id == member_id else actor.acting_merchant(None)


def balance_of(tx: Transaction, account: Account) -> views.Balance:
    """The balance of a loaded account, with what the transaction has changed so far."""
    surroundings = account.surroundings
    is_read_before = surroundings is not None or not tx.is_flushed
    if surroundings is None:
        surroundings = surroundings_of(direct.ask(tx.connection, _SURROUNDINGS, {"member_id": account.id}))
    return _balance(tx, account, surroundings, is_read_before=is_read_before)


def balances_of(tx: Transaction, accounts: Sequence[Account]) -> dict[str, views.Balance]:
    """As `balance_of`, for many by id in three queries."""
    asked = {"member_ids": [account.id for account in accounts]}
    dates: dict[str, list[tuple[datetime, int]]] = {}
    for member_id, at, points in direct.ask(tx.connection, _DATES_OF_MANY, asked):
        dates.setdefault(member_id, []).append((at, int(points)))
    waiting = {row[0]: (int(row[1]), bool(row[2])) for row in direct.ask(tx.connection, _WAITING_OF_MANY, asked)}
    block = tx.connection.execute(select(_BLOCK)).scalar_one()
    return {
        account.id: _balance(
            tx,
            account,
            Surroundings(*waiting.get(account.id, (0, False)), block, tuple(dates.get(account.id, ()))),
            is_read_before=not tx.is_flushed,
        )
        for account in accounts
    }


def surroundings_of(rows: Sequence[Any]) -> Surroundings:
    """What the rows of a `surroundings_query` say."""
    first = rows[0]
    dates = tuple((row.expires_at, int(row.expiring)) for row in rows if row.expires_at is not None)
    return Surroundings(int(first.on_its_way), bool(first.waiting), first.block, dates)


def _balance(tx: Transaction, account: Account, surroundings: Surroundings, *, is_read_before: bool) -> views.Balance:
    """Surroundings that were read before the flush (and those of a simulation) lack what this transaction posts."""
    if not is_read_before:
        return _view(account, surroundings)
    posted = [leaf for leaf in tx.staged.leaves if leaf.member_id == account.id]
    return _view(
        account,
        Surroundings(
            on_its_way=surroundings.on_its_way + sum(leaf.kind.sign * leaf.amount for leaf in posted),
            waits=surroundings.waits or bool(posted and tx.is_flushed),
            block=surroundings.block,
            dates=_dates(tx, account, surroundings.dates),
        ),
    )


def _view(figures: Account | Row[Any], surroundings: Surroundings) -> views.Balance:
    return views.Balance(
        available=figures.available,
        pending=figures.pending,
        held=figures.held,
        debt=figures.debt,
        expiring=tuple(views.ExpiringPoints(points=points, at=at) for at, points in surroundings.dates),
        lifetime=views.Lifetime(
            issued=figures.issued, redeemed=figures.redeemed, expired=figures.expired, reversed=figures.reversed
        ),
        on_chain=views.OnChain(
            address=figures.address,
            points=figures.available + figures.held - surroundings.on_its_way,
            block=surroundings.block,
            settled=not surroundings.waits,
        ),
    )


def _dates(tx: Transaction, account: Account, before: Dates) -> Dates:
    """When how many points expire, with the lots that this transaction made or changed."""
    changed = [account.lots[lot_id] for lot_id in account.changed_lots]
    if not changed:
        return before
    dates, lots = dict(before), [stored.lot for stored in changed]
    if not all(stored.is_new for stored in changed):
        dates, lots = {}, stored_lots.open_lots(tx, account)
    for lot in lots:
        if lot.expires_at is not None and lot.left:
            dates[lot.expires_at] = dates.get(lot.expires_at, 0) + lot.left
    return tuple(sorted(dates.items()))
