"""A reversal of an issuance or a restoration of a redemption, as it is answered."""

from __future__ import annotations

from token_service.ledger import views
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction


def reversal_view(_tx: Transaction, operation: Operation) -> views.Reversal:
    """The view of a reversal or restoration operation."""
    assert operation.parent_id is not None
    return views.Reversal(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        kind=operation.kind,
        original_id=operation.parent_id,
        points=operation.facts["points"],
        reversed=operation.result["reversed"],
        debt=operation.result["debt"],
        reason=operation.facts["reason"],
    )
