"""Awards that are due and can never become points as things stand: each is larger than its merchant's whole ceiling.

They wait; a higher ceiling, or a refund, lets them go on.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, or_, select

from token_service.ledger.context import Context
from token_service.ledger.point_views import StuckAwards
from token_service.ledger.tables import awards, members, merchants, operations

_ACTS: Final = merchants.c.ceiling_points
_NEXT: Final = func.coalesce(merchants.c.next_ceiling_points, merchants.c.ceiling_points)


def stuck_awards(context: Context) -> tuple[StuckAwards, ...]:
    """Merchants with such awards, by party; one query. Awards of frozen members wait for another reason and do not
    count, nor does one that an announced raise of the ceiling will let through.
    """
    now = context.now()
    query = (
        select(merchants.c.id, merchants.c.name, func.count(), func.max(awards.c.points))
        .join(operations, operations.c.id == awards.c.operation_id)
        .join(merchants, merchants.c.id == operations.c.merchant_id)
        .join(members, members.c.id == awards.c.member_id)
        .where(awards.c.due_at <= now, members.c.frozen.is_(False), awards.c.points > _NEXT)
        .where(or_(merchants.c.next_ceiling_at <= now, awards.c.points > _ACTS))
        .group_by(merchants.c.id, merchants.c.name, merchants.c.party)
        .order_by(merchants.c.party)
    )
    with context.store.read() as connection:
        return tuple(StuckAwards(*row) for row in connection.execute(query))
