"""Merchants with their stores and ceilings. What the contract must know goes out as admin operations (DESIGN §5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from token_service.errors import Conflict, NotFound
from token_service.ledger import ceiling_slots, checks, cursors, tables, views
from token_service.ledger.cause_tables import causes
from token_service.ledger.ceilings import ceiling_at, ceiling_view, ceiling_views
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewMerchant, NewStore
from token_service.ledger.stores import store_row, store_view
from token_service.ledger.transaction import Transaction, read, write
from token_service.units import PROGRAM_PARTY

PERIOD_SECONDS_MAX = 2**40 - 1


def create_merchant(context: Context, actor: Actor, new: NewMerchant) -> views.Merchant:
    """The merchant with the next party number; its ceiling acts at once. Raises Conflict (`existing_id`) for a taken
    name.
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.Merchant:
        checks.text("/name", new.name, longest=100)
        _check_ceiling(new.ceiling_points, new.ceiling_period_seconds)
        taken = _named(tx, new.name)
        if taken is not None:
            raise Conflict("a merchant has this name already", existing_id=taken.id)
        merchant_id = insert_merchant(tx, new, party=next_party(tx))
        tx.flush()
        return merchant_view(tx, tx.merchant(merchant_id))

    return write(context, work)


def get_merchant(context: Context, actor: Actor, merchant_id: str) -> views.Merchant:
    """Raises NotFound, for a merchant's key also when it asks for another merchant."""

    def work(tx: Transaction) -> views.Merchant:
        return merchant_view(tx, tx.merchant(actor.acting_merchant(merchant_id)))

    return read(context, work)


def find_merchant(context: Context, actor: Actor, name: str) -> views.Merchant | None:
    """The merchant of that name, or None. Admins only."""
    actor.need_admin()

    def work(tx: Transaction) -> views.Merchant | None:
        row = _named(tx, name)
        return None if row is None else merchant_view(tx, row)

    return read(context, work)


def list_merchants(
    context: Context, actor: Actor, limit: int = cursors.LIMIT_DEFAULT, cursor: str | None = None
) -> views.Page[views.Merchant]:
    """All merchants in the order of their party numbers; a merchant's key sees its own."""
    cursors.check_limit(limit)
    query = select(tables.merchants).order_by(tables.merchants.c.party).limit(limit + 1)
    if not actor.is_admin:
        query = query.where(tables.merchants.c.id == actor.acting_merchant(None))
    if cursor is not None:
        query = query.where(tables.merchants.c.party > cursors.decode_number(cursor))

    def work(tx: Transaction) -> views.Page[views.Merchant]:
        rows = tx.connection.execute(query).all()
        return cursors.page(rows, limit, "party", lambda row: merchant_view(tx, row))

    return read(context, work)


def public_merchants(context: Context) -> tuple[views.Merchant, ...]:
    """Every party with its ceiling: all of it stands on the chain for anybody to read."""

    def work(tx: Transaction) -> tuple[views.Merchant, ...]:
        rows = tx.connection.execute(select(tables.merchants).order_by(tables.merchants.c.party)).all()
        ceilings = ceiling_views(tx, rows)
        return tuple(_view(row, ceilings[row.party]) for row in rows)

    return read(context, work)


def set_ceiling(context: Context, actor: Actor, merchant_id: str, points: int, period_seconds: int) -> views.Merchant:
    """The merchant with its new ceiling: a lower one acts at once, a higher one after the notice period (CONTRACT
    §1).
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.Merchant:
        _check_ceiling(points, period_seconds)
        query = select(tables.merchants).where(tables.merchants.c.id == merchant_id).with_for_update(key_share=True)
        merchant = tx.connection.execute(query).one_or_none()
        if merchant is None:
            raise NotFound("no such merchant")
        aside = ceiling_slots.take_back(tx, merchant_id, window=merchant.window_number)
        values = _new_ceiling(tx, merchant, points, period_seconds) | {"window_points": merchant.window_points - aside}
        tx.connection.execute(update(tables.merchants).where(tables.merchants.c.id == merchant_id).values(**values))
        arguments = {"party": merchant.party, "ceiling_points": points, "period_seconds": period_seconds}
        tx.staged.admin_operations.append(("set_ceiling", "issuers", arguments))
        tx.flush()
        return merchant_view(tx, tx.merchant(merchant_id))

    return write(context, work)


def create_store(context: Context, actor: Actor, new: NewStore) -> views.Store:
    """The store; the same one again for the same external id and name. Raises Conflict for another name."""

    def work(tx: Transaction) -> views.Store:
        merchant_id = actor.acting_merchant(new.merchant_id)
        tx.merchant(merchant_id)
        checks.text("/external_id", new.external_id, longest=200)
        checks.text("/name", new.name, longest=200)
        known = store_row(tx, merchant_id, external_id=new.external_id)
        if known is not None:
            if known.name != new.name:
                raise Conflict("a store has this external id already", existing_id=known.id)
            return store_view(known)
        values = {"id": tx.new_id("sto"), "merchant_id": merchant_id, "external_id": new.external_id}
        tx.connection.execute(insert(tables.stores).values(**values, name=new.name, created_at=tx.now))
        made = store_row(tx, merchant_id, external_id=new.external_id)
        assert made is not None
        return store_view(made)

    return write(context, work)


def find_store(context: Context, actor: Actor, merchant_id: str | None, external_id: str) -> views.Store | None:
    """The merchant's store of that external id, or None."""
    merchant = actor.acting_merchant(merchant_id)

    def work(tx: Transaction) -> views.Store | None:
        row = store_row(tx, merchant, external_id=external_id)
        return None if row is None else store_view(row)

    return read(context, work)


def list_stores(
    context: Context,
    actor: Actor,
    merchant_id: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[views.Store]:
    """A merchant's stores, oldest first."""
    cursors.check_limit(limit)
    merchant = actor.acting_merchant(merchant_id)
    columns = tables.stores.c
    query = select(tables.stores).where(columns.merchant_id == merchant).order_by(columns.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(columns.id > cursors.decode(cursor))

    def work(tx: Transaction) -> views.Page[views.Store]:
        tx.merchant(merchant)
        return cursors.page(tx.connection.execute(query).all(), limit, "id", store_view)

    return read(context, work)


def insert_merchant(tx: Transaction, new: NewMerchant, *, party: int) -> str:
    """Writes the row and the order to register the party; answers the merchant's id."""
    merchant_id = tx.new_id("mrc")
    tx.connection.execute(
        insert(tables.merchants).values(
            id=merchant_id,
            party=party,
            name=new.name,
            ceiling_points=new.ceiling_points,
            ceiling_period_seconds=new.ceiling_period_seconds,
            created_at=tx.now,
        )
    )
    arguments = {
        "party": party,
        "name": new.name,
        "ceiling_points": new.ceiling_points,
        "period_seconds": new.ceiling_period_seconds,
    }
    tx.staged.admin_operations.append(("register_party", "issuers", arguments))
    return merchant_id


def merchant_view(tx: Transaction, row: Row[Any]) -> views.Merchant:
    """The view of a merchant's row."""
    return _view(row, ceiling_view(tx, row))


def _view(row: Row[Any], ceiling: views.Ceiling) -> views.Merchant:
    return views.Merchant(id=row.id, created_at=row.created_at, name=row.name, party=row.party, ceiling=ceiling)


def _named(tx: Transaction, name: str) -> Row[Any] | None:
    return tx.connection.execute(select(tables.merchants).where(tables.merchants.c.name == name)).one_or_none()


def next_party(tx: Transaction) -> int:
    """The next number for a merchant or a cause; whoever asks locks the programme, so that two never get the same."""
    tx.connection.execute(select(tables.program.c.chain_id).with_for_update()).one()
    highest = (select(func.max(table.c.party)).scalar_subquery() for table in (tables.merchants, causes))
    found = tx.connection.execute(select(*highest)).one()
    return max(int(party or PROGRAM_PARTY) for party in found) + 1


def _new_ceiling(tx: Transaction, merchant: Row[Any], points: int, period: int) -> dict[str, object]:
    """Columns of the merchant's row. Lower = not more points, in windows of the same length or in one for ever."""
    acting_points, acting_period = ceiling_at(merchant, tx.now)
    notice = tx.program.notice_period_seconds
    if (points <= acting_points and period in {acting_period, 0}) or notice == 0:
        return {
            "ceiling_points": points,
            "ceiling_period_seconds": period,
            "next_ceiling_points": None,
            "next_ceiling_period_seconds": None,
            "next_ceiling_at": None,
            "window_number": merchant.window_number if period == acting_period else None,
        }
    return {
        "ceiling_points": acting_points,
        "ceiling_period_seconds": acting_period,
        "next_ceiling_points": points,
        "next_ceiling_period_seconds": period,
        "next_ceiling_at": tx.now + timedelta(seconds=notice),
    }


def _check_ceiling(points: int, period_seconds: int) -> None:
    checks.money("/ceiling_points", points)
    if type(period_seconds) is not int or not 0 <= period_seconds <= PERIOD_SECONDS_MAX:
        raise checks.wrong("/ceiling_period_seconds", "must be a whole number of seconds, 0 for one window for ever")
