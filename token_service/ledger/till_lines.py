"""One line of a till's day, and who of the staff did it; and the sums of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select

from token_service.ledger.staff_tables import staff, staff_actions


@dataclass(frozen=True)
class TillLine:
    """One operation, a voucher honoured or a benefit used: signed points as they reached the member or will, `amount` the money
    of a purchase, a refund, or a membership that was sold or refunded (`membership` is its id then).
    """

    id: str
    kind: str
    reference: str
    recorded_at: datetime
    occurred_at: datetime
    member_id: str
    member_name: str | None
    points: int
    amount: int | None
    reward_id: str | None
    parent_id: str | None
    staff_id: str | None  # None: over the API
    staff_name: str | None
    store_name: str | None
    is_signed: bool = False  # the member spent the points with a signature of their own
    membership: str | None = None
    benefit: str | None = None
    discount: int | None = None  # what the reward took off the order
    undone_at: datetime | None = None  # when the use of a voucher was taken back


@dataclass(frozen=True)
class Tally:
    """All of a day's operations of one kind, its vouchers, or its benefits."""

    kind: str
    count: int
    points: int
    amount: int | None


def doer_of(query: Select[Any], objects: Sequence[ColumnElement[Any]], table: Table) -> Select[Any]:
    """The query on `table` with `staff` joined: who did it by the first line of the trail about one of the objects, or nobody."""
    columns = staff_actions.c
    first = select(func.min(columns.seq)).where(columns.object_id.in_(objects)).correlate(table)
    who = staff_actions.join(staff, staff.c.id == columns.staff_id)
    return query.outerjoin(who, columns.seq == first.scalar_subquery())
