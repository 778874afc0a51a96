"""Vouchers as a till meets them: those honoured today, one use, and those that a customer still has.

A voucher may be any member's: whose it was is not for the till to see.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, null, or_, select

from token_service.errors import NotFound
from token_service.ledger.context import Context
from token_service.ledger.staff import Person
from token_service.ledger.staff_tables import staff, staff_actions, vouchers
from token_service.ledger.tables import members
from token_service.ledger.till_lines import TillLine
from token_service.ledger.transaction import Transaction, read
from token_service.ledger.undone_uses import undone_of
from token_service.ledger.voucher_rows import is_over

KIND = "voucher"
ACTION = "voucher.used"
"""What the trail calls honouring one."""


def honoured(tx: Transaction, person: Person, since: datetime, most: int) -> tuple[list[TillLine], int]:
    """The newest vouchers that this person's merchant, or their store if they have one, honoured since then; and how many there
    are in all.
    """
    mine = [*_used_by(person), vouchers.c.used_at >= since]
    if person.store_id is not None:
        mine.append(staff.c.store_id == person.store_id)
    rows = tx.connection.execute(_lines().where(*mine).order_by(vouchers.c.used_at.desc()).limit(most)).all()
    if len(rows) < most:
        return [_line(row) for row in rows], len(rows)
    count = _lines().where(*mine).with_only_columns(func.count())
    return [_line(row) for row in rows], int(tx.connection.execute(count).scalar_one())


def honoured_voucher(context: Context, person: Person, voucher_id: str) -> TillLine:
    """The use of a voucher by this person's merchant: the one that stands, else the last one that was undone. Raises NotFound,
    for others' too.
    """
    query = _lines().where(*_used_by(person), vouchers.c.id == voucher_id)

    def work(tx: Transaction) -> TillLine:
        row = tx.connection.execute(query).one_or_none()
        if row is not None:
            return _line(row)
        merchant_id = person.actor.acting_merchant(None)
        earlier = [one for one in undone_of(tx, [voucher_id])[voucher_id] if one.merchant_id == merchant_id]
        if not earlier:
            raise NotFound("no such voucher")
        return _undone_line(tx, earlier[-1])

    return read(context, work)


def open_rewards(context: Context, member_id: str) -> tuple[str, ...]:
    """The reward ids of the member's vouchers that nobody honoured yet, oldest first."""
    columns = vouchers.c
    query = select(columns.reward_id).join(members, members.c.id == columns.member_id)
    query = query.where(or_(columns.member_id == member_id, members.c.merged_into == member_id))
    query = query.where(~is_over(context.now())).order_by(columns.created_at)
    with context.store.read() as connection:
        return tuple(connection.execute(query).scalars())


def holder_of(context: Context, voucher_id: str) -> str:
    """The member whose voucher it is: for the trail, not for a till's eyes."""
    with context.store.read() as connection:
        query = select(func.coalesce(members.c.merged_into, members.c.id)).join(
            vouchers, vouchers.c.member_id == members.c.id
        )
        return str(connection.execute(query.where(vouchers.c.id == voucher_id)).scalar_one())


def _used_by(person: Person) -> list[Any]:
    return [vouchers.c.used_by_merchant_id == person.actor.acting_merchant(None)]


def _lines() -> Select[Any]:
    """Each voucher with who honoured it: by the newest line of the trail about that since its use, or nobody."""
    done, columns = staff_actions.c, vouchers.c
    about = done.object_id == columns.id, done.action == ACTION, done.created_at >= columns.used_at
    newest = select(func.max(done.seq)).where(*about).correlate(vouchers).scalar_subquery()
    who = staff_actions.join(staff, staff.c.id == done.staff_id)
    query = select(*columns, staff.c.id.label("staff_id"), staff.c.name.label("staff_name")).select_from(vouchers)
    return query.outerjoin(who, done.seq == newest)


def _undone_line(tx: Transaction, use: Row[Any]) -> TillLine:
    """A use that does not stand any more, with who made it."""
    done = staff_actions.c
    who = select(staff.c.id, staff.c.name).join(staff_actions, done.staff_id == staff.c.id)
    about = who.where(done.object_id == use.voucher_id, done.action == ACTION)
    between = about.where(done.created_at >= use.used_at, done.created_at <= use.undone_at)
    person = tx.connection.execute(between.order_by(done.seq).limit(1)).one_or_none()
    never_used: Select[Any] = select(*vouchers.c, null().label("staff_id"), null().label("staff_name"))
    row = tx.connection.execute(never_used.where(vouchers.c.id == use.voucher_id)).one()
    return replace(
        _line(row),
        reference=use.reference,
        recorded_at=use.used_at,
        occurred_at=use.used_at,
        staff_id=None if person is None else person.id,
        staff_name=None if person is None else person.name,
        discount=use.discount_cents,
        undone_at=use.undone_at,
    )


def _line(row: Row[Any]) -> TillLine:
    return TillLine(
        id=row.id,
        kind=KIND,
        reference=row.used_reference,
        recorded_at=row.used_at,
        occurred_at=row.used_at,
        member_id=row.member_id,
        member_name=None,
        points=0,
        amount=None,
        reward_id=row.reward_id,
        parent_id=None,
        staff_id=row.staff_id,
        staff_name=row.staff_name,
        store_name=None,
        discount=row.discount_cents,
    )
