"""Causes: parties to whom members give points. Their names and totals are public; what the contract must know goes out as an
admin operation.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, case, func, insert, select, update

from token_service.errors import Conflict, NotFound
from token_service.ledger import checks, tables, views
from token_service.ledger.cause_tables import causes
from token_service.ledger.context import Actor, Context
from token_service.ledger.merchants import next_party
from token_service.ledger.transaction import Transaction, read, write
from token_service.units import EntryKind


def create_cause(context: Context, actor: Actor, name: str) -> views.Cause:
    """The cause, with the next party number and a ceiling of nothing: it issues no points. Raises Conflict for a taken name."""
    actor.need_admin()

    def work(tx: Transaction) -> views.Cause:
        checks.text("/name", name, longest=100)
        taken = tx.connection.execute(select(causes.c.id).where(causes.c.name == name)).scalar_one_or_none()
        if taken is not None:
            raise Conflict("a cause has this name already", existing_id=taken)
        row = {"id": tx.new_id("cau"), "party": next_party(tx), "name": name, "created_at": tx.now}
        tx.connection.execute(insert(causes).values(**row))
        arguments = {"party": row["party"], "name": name, "ceiling_points": 0, "period_seconds": 0}
        tx.staged.admin_operations.append(("register_party", "issuers", arguments))
        tx.flush()
        return _view(cause_row(tx, str(row["id"])), 0, 0)

    return write(context, work)


def close_cause(context: Context, actor: Actor, cause_id: str) -> views.Cause:
    """The cause, to which nobody gives any more; what was given stays public. Repeatable. Raises NotFound."""
    actor.need_admin()

    def work(tx: Transaction) -> views.Cause:
        cause_row(tx, cause_id)
        here = update(causes).where(causes.c.id == cause_id, causes.c.closed_at.is_(None))
        tx.connection.execute(here.values(closed_at=tx.now))
        return next(one for one in _views(tx) if one.id == cause_id)

    return write(context, work)


def list_causes(context: Context) -> tuple[views.Cause, ...]:
    """Every cause with its running total, oldest first: all of it stands on the chain for anybody to add up."""
    return read(context, _views)


def cause_row(tx: Transaction, cause_id: str) -> Row[Any]:
    """The row. Raises NotFound."""
    row = tx.connection.execute(select(causes).where(causes.c.id == cause_id)).one_or_none()
    if row is None:
        raise NotFound("no such cause")
    return row


def open_cause_named(tx: Transaction, name: str) -> Row[Any] | None:
    """The cause of that public name, while it takes points; None otherwise."""
    named = select(causes).where(causes.c.name == name, causes.c.closed_at.is_(None))
    return tx.connection.execute(named).one_or_none()


def _views(tx: Transaction) -> tuple[views.Cause, ...]:
    entries = tables.entries.c
    query = select(entries.party, func.sum(-entries.points), func.sum(case((entries.voids.is_(None), 1), else_=-1)))
    given = query.where(entries.kind == int(EntryKind.DONATION)).group_by(entries.party)
    totals = {row[0]: (int(row[1]), int(row[2])) for row in tx.connection.execute(given)}
    rows = tx.connection.execute(select(causes).order_by(causes.c.party))
    return tuple(_view(row, *totals.get(row.party, (0, 0))) for row in rows)


def _view(row: Row[Any], points: int, count: int) -> views.Cause:
    return views.Cause(
        id=row.id,
        created_at=row.created_at,
        name=row.name,
        party=row.party,
        is_open=row.closed_at is None,
        donated=points,
        donations=count,
    )
