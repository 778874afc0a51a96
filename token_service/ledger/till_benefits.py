"""Benefits as a till meets them: those used today and not taken back, and one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select

from token_service.errors import NotFound
from token_service.ledger.benefit_tables import benefit_uses
from token_service.ledger.context import Context
from token_service.ledger.staff import Person
from token_service.ledger.staff_tables import staff
from token_service.ledger.tables import members, operations, stores
from token_service.ledger.till_lines import TillLine, doer_of
from token_service.ledger.transaction import Transaction, read

KIND = "benefit"


def used_today(tx: Transaction, person: Person, since: datetime, most: int) -> tuple[list[TillLine], int]:
    """The newest uses at this person's merchant, or their store if they have one, since then; and how many there are in all."""
    columns = operations.c
    mine = [*_used_by(person), columns.recorded_at >= since, benefit_uses.c.reversed_at.is_(None)]
    if person.store_id is not None:
        mine.append(or_(columns.store_id == person.store_id, staff.c.store_id == person.store_id))
    query = _lines().where(*mine)
    rows = tx.connection.execute(query.order_by(columns.recorded_at.desc(), columns.seq.desc()).limit(most)).all()
    if len(rows) < most:
        return [_line(row) for row in rows], len(rows)
    return [_line(row) for row in rows], int(tx.connection.execute(query.with_only_columns(func.count())).scalar_one())


def used_benefit(context: Context, person: Person, use_id: str) -> TillLine:
    """One use at this person's merchant. Raises NotFound, for others' too."""

    def work(tx: Transaction) -> TillLine:
        row = tx.connection.execute(_lines().where(*_used_by(person), operations.c.id == use_id)).one_or_none()
        if row is None:
            raise NotFound("no such use")
        return _line(row)

    return read(context, work)


def _used_by(person: Person) -> list[Any]:
    return [operations.c.merchant_id == person.actor.acting_merchant(None)]


def _lines() -> Select[Any]:
    query = (
        select(
            *operations.c,
            benefit_uses.c.benefit,
            members.c.name.label("member_name"),
            stores.c.name.label("store_name"),
            staff.c.id.label("staff_id"),
            staff.c.name.label("staff_name"),
        )
        .select_from(operations)
        .join(benefit_uses, benefit_uses.c.operation_id == operations.c.id)
        .join(members, members.c.id == operations.c.member_id)
        .outerjoin(stores, stores.c.id == operations.c.store_id)
    )
    return doer_of(query, [operations.c.id], operations)


def _line(row: Row[Any]) -> TillLine:
    return TillLine(
        id=row.id,
        kind=KIND,
        reference=row.reference,
        recorded_at=row.recorded_at,
        occurred_at=row.occurred_at,
        member_id=row.member_id,
        member_name=row.member_name,
        points=0,
        amount=None,
        reward_id=None,
        parent_id=None,
        staff_id=row.staff_id,
        staff_name=row.staff_name,
        store_name=row.store_name,
        benefit=row.benefit,
    )
