"""A purchase as it is answered: what was recorded, and where it stands after its refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from token_service.ledger import tables, views
from token_service.ledger.challenge_standings import completed_by
from token_service.ledger.staged import Operation, PurchaseState
from token_service.ledger.transaction import Transaction


def purchase_state(tx: Transaction, operation_id: str) -> PurchaseState:
    """What the purchase keeps now, with what this transaction staged."""
    for state in (*tx.staged.changed_purchases, *tx.staged.purchases):
        if state.operation_id == operation_id:
            return state
    row = tx.connection.execute(select(tables.purchases).where(tables.purchases.c.operation_id == operation_id)).one()
    return PurchaseState(**row._mapping)


def pending_points(tx: Transaction, operation_id: str) -> int:
    """What of the award still waits for the return window."""
    for changed, points in tx.staged.changed_awards:
        if changed == operation_id:
            return points
    for awarded, _member, points, _due_at in tx.staged.awards:
        if awarded == operation_id:
            return points
    if any(operation.id == operation_id for operation in tx.staged.operations):
        return 0
    query = select(tables.awards.c.points).where(tables.awards.c.operation_id == operation_id)
    return int(tx.connection.execute(query).scalar_one_or_none() or 0)


def purchase_view(tx: Transaction, operation: Operation) -> views.Purchase:
    """The view of a purchase operation, staged or stored."""
    facts: dict[str, Any] = operation.facts
    state, pending = purchase_state(tx, operation.id), pending_points(tx, operation.id)
    due_at = operation.result.get("due_at")

    def money(amount: int) -> views.Money:
        return views.Money(amount, facts["currency"])

    return views.Purchase(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        store_id=operation.store_id,
        channel=facts["channel"],
        occurred_at=operation.occurred_at,
        total=money(facts["total"]),
        tax=money(facts["tax"]),
        shipping=money(facts["shipping"]),
        discount=money(facts["discount"]),
        paid_with_points=money(facts["paid_with_points"]),
        paid_by=facts.get("paid_by"),
        items=tuple(views.PurchaseItem(**item) for item in facts["items"]),
        points=operation.result["points"],
        pending=pending,
        available_at=datetime.fromisoformat(due_at) if pending and due_at else None,
        breakdown=tuple(views.BreakdownLine(**line) for line in operation.result["breakdown"]),
        ruleset=operation.ruleset_hash,
        tier=facts["member"]["tier"],
        refunded=money(state.refunded_cents),
        kept=state.kept,
        completed=completed_by(tx, operation.id),
    )
