"""What a member has been awarded and cannot use yet, award by award: for the wallet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from token_service.errors import NotFound
from token_service.ledger.context import Actor, Context
from token_service.ledger.purchase_views import Pending, latest_at
from token_service.ledger.tables import awards, merchants, operations, stores
from token_service.ledger.transaction import Transaction

SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class PendingAward:
    """Points of one purchase that become usable at `due_at`, when it can no longer be returned; of one that waits for its
    delivery, until `delivery_by`, that is the latest.
    """

    purchase_id: str
    points: int
    due_at: datetime
    occurred_at: datetime
    merchant_name: str
    store_name: str | None
    delivery_by: datetime | None = None


def pending_awards(context: Context, actor: Actor, member_id: str) -> tuple[PendingAward, ...]:
    """The member's own awards still inside their return window, the next to become usable first, at most 20.

    Raises NotFound for anybody but the member."""
    if actor.member_id != member_id:
        raise NotFound("no such member")
    with context.store.read() as connection:
        rows = connection.execute(
            select(
                awards.c.operation_id,
                awards.c.points,
                awards.c.due_at,
                awards.c.delivery_by,
                operations.c.ruleset_hash,
                operations.c.occurred_at,
                merchants.c.name.label("merchant_name"),
                stores.c.name.label("store_name"),
            )
            .join(operations, operations.c.id == awards.c.operation_id)
            .join(merchants, merchants.c.id == operations.c.merchant_id)
            .outerjoin(stores, stores.c.id == operations.c.store_id)
            .where(awards.c.member_id == member_id)
            .order_by(awards.c.due_at, awards.c.operation_id)
            .limit(SHOWN_MAX)
        )
        tx = Transaction(context, connection, locks=False)
        found = (_award(tx, row) for row in rows)
        return tuple(sorted(found, key=lambda award: (award.due_at, award.purchase_id)))


def _award(tx: Transaction, row: Any) -> PendingAward:
    waits = Pending(row.points, row.due_at, row.delivery_by)
    latest = latest_at(tx.ruleset(row.ruleset_hash), waits)
    named = (row.occurred_at, row.merchant_name, row.store_name, row.delivery_by)
    return PendingAward(row.operation_id, row.points, latest, *named)
