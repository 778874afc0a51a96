"""Changes that a person made to a balance, with reason and actor."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, Moved
from token_service.api.fields import Id, Reason, Reference, SignedPoints
from token_service.api.input import Body
from token_service.api.replays import answer_move
from token_service.api.routing import Routes
from token_service.errors import InvalidInput, Place
from token_service.ledger import adjustments
from token_service.ledger.inputs import NewAdjustment

routes = Routes("adjustments", __name__, abp_tags=[{"name": "Adjustments"}])


class AdjustmentBody(Body):
    """By how much a balance changes, and why."""

    reference: Reference
    member_id: Id
    points: SignedPoints = Field(description="Signed, not 0.")
    reason: Reason
    merchant_id: Id | None = Field(default=None, description="On whose account; default: the programme's own.")

    def resolved(self) -> NewAdjustment:
        """What the ledger is asked. Raises InvalidInput for 0."""
        if self.points == 0:
            detail = "An adjustment moves points: not 0."
            raise InvalidInput(detail, places=(Place("/points", detail),))
        return NewAdjustment(**dict(self))


class AdjustmentFields(Answer):
    """A change that a person made."""

    object: Literal["adjustment"] = "adjustment"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    points: int
    reason: str
    actor: str


class AdjustmentAnswer(Moved, AdjustmentFields):
    """The adjustment, its entries, and the balance after it."""


@routes.post("/v1/adjustments", responses={201: AdjustmentAnswer, 200: AdjustmentAnswer})
@needs("adjustments:write", idempotent=True)
def adjust(body: AdjustmentBody) -> Response:
    """Correct a balance by hand; only with an admin key."""
    asked = body.resolved()
    return answer_move(
        lambda context: adjustments.adjust(context, caller(), asked),
        body=body,
        shape=AdjustmentAnswer,
        name="adjustment",
    )
