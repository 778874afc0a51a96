"""What taking back an issuance or a redemption is asked and answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from token_service.api.answers import Answer, Instant, Moved
from token_service.api.fields import PositivePoints, Reason, Reference
from token_service.api.input import Body
from token_service.ledger.inputs import NewReversal


class ReversalBody(Body):
    """How much to take back, and why."""

    reference: Reference
    points: PositivePoints | None = Field(default=None, description="Default: all that is left of it.")
    reason: Reason | None = None

    def resolved(self) -> NewReversal:
        """What the ledger is asked."""
        return NewReversal(**dict(self))


class ReversalFields(Answer):
    """`kind` is `reversal` (of an issuance) or `restoration` (of a redemption); `reversed` of `points` moved, `debt` is owed."""

    object: Literal["reversal"] = "reversal"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    kind: str
    original_id: str
    points: int
    reversed: int
    debt: int
    reason: str | None


class ReversalAnswer(Moved, ReversalFields):
    """The reversal, its entries, and the balance after it."""
