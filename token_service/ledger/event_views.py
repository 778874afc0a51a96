"""An event as it is answered."""

from __future__ import annotations

from token_service.ledger import operations, views
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction


def event_view(tx: Transaction, operation: Operation) -> views.Event:
    """The view of an event operation, staged or stored."""
    children = operations.children(tx, operation.id, "reversal")
    return views.Event(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        type=operation.facts["event"],
        subject=operation.facts.get("subject"),
        occurred_at=operation.occurred_at,
        points=operation.result["points"],
        breakdown=tuple(views.BreakdownLine(**line) for line in operation.result["breakdown"]),
        reversed=sum(child.result["reversed"] + child.result["debt"] for child in children),
        ruleset=operation.ruleset_hash,
    )
