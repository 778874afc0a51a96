"""A purchase as it is answered: what was recorded, and where it stands after its refunds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from token_service.ledger import operations, tables, views
from token_service.ledger.challenge_standings import completed_by
from token_service.ledger.staged import Operation, PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.program.ruleset import Ruleset
from token_service.program.windows import award_due_at

DELIVERY: Final = "delivery"
"""What a delivery is called: as an operation, as a fact and in receipts."""


def purchase_state(tx: Transaction, operation_id: str) -> PurchaseState:
    """What the purchase keeps now, with what this transaction staged."""
    for state in (*tx.staged.changed_purchases, *tx.staged.purchases):
        if state.operation_id == operation_id:
            return state
    row = tx.connection.execute(select(tables.purchases).where(tables.purchases.c.operation_id == operation_id)).one()
    return PurchaseState(**row._mapping)


@dataclass(frozen=True, slots=True)
class Pending:
    """What of an award still waits: until `due_at`, and before `delivery_by` for a delivery (None: for none)."""

    points: int
    due_at: datetime
    delivery_by: datetime | None


def pending_award(tx: Transaction, operation_id: str) -> Pending | None:
    """What of the award still waits, with what this transaction staged; None for nothing."""
    staged = {id_: Pending(points, due_at, until) for id_, _member, points, due_at, until in tx.staged.awards}
    award = staged.get(operation_id)
    if award is None and all(operation.id != operation_id for operation in tx.staged.operations):
        awards = tables.awards.c
        query = select(awards.points, awards.due_at, awards.delivery_by).where(awards.operation_id == operation_id)
        row = tx.connection.execute(query).one_or_none()
        award = None if row is None else Pending(*row)
    if award is None:
        return None
    for changed, points in tx.staged.changed_awards:
        award = replace(award, points=points) if changed == operation_id else award
    for delivered, due_at in tx.staged.delivered_awards:
        award = Pending(award.points, due_at, None) if delivered == operation_id else award
    return award if award.points else None


def latest_at(ruleset: Ruleset, award: Pending) -> datetime:
    """When it becomes an issuance at the latest: after a delivery at the last moment, where one is waited for."""
    return award.due_at if award.delivery_by is None else award_due_at(ruleset, award.delivery_by)


def purchase_view(tx: Transaction, operation: Operation) -> views.Purchase:
    """The view of a purchase operation, staged or stored."""
    facts: dict[str, Any] = operation.facts
    state, pending = purchase_state(tx, operation.id), pending_award(tx, operation.id)

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
        pending=0 if pending is None else pending.points,
        available_at=None if pending is None else latest_at(tx.ruleset(operation.ruleset_hash), pending),
        delivery_by=None if pending is None else pending.delivery_by,
        delivered_at=_delivered_at(tx, operation.id) if "delivery_by" in operation.result else None,
        breakdown=tuple(views.BreakdownLine(**line) for line in operation.result["breakdown"]),
        ruleset=operation.ruleset_hash,
        tier=facts["member"]["tier"],
        refunded=money(state.refunded_cents),
        kept=state.kept,
        completed=completed_by(tx, operation.id),
    )


def _delivered_at(tx: Transaction, purchase_id: str) -> datetime | None:
    told = operations.children(tx, purchase_id, DELIVERY)
    told += [one for one in tx.staged.operations if (one.parent_id, one.kind) == (purchase_id, DELIVERY)]
    return told[-1].occurred_at if told else None
