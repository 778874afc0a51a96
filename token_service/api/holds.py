"""Points set aside at checkout: held, then captured or released."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, Moved, respond
from token_service.api.durations import Duration, seconds_of
from token_service.api.fields import Id, PositivePoints, Reference
from token_service.api.input import Body, NothingBody, Path
from token_service.api.redemptions import Redeemed
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_move
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import holds
from token_service.ledger.inputs import NewCapture, NewHold

routes = Routes("holds", __name__, abp_tags=[{"name": "Holds"}])


class HoldBody(Body):
    """How many points to set aside, and for how long."""

    reference: Reference
    member_id: Id
    points: PositivePoints
    expires_in: Duration = Field(default="PT15M", description="ISO 8601, from PT1S to P7D.")
    merchant_id: Id | None = Field(default=None, description="With an admin key: for whom.")

    def resolved(self) -> NewHold:
        """What the ledger is asked. Raises InvalidInput for a duration of nothing."""
        seconds = seconds_of(self.expires_in, pointer="/expires_in")
        return NewHold(**(dict(self) | {"expires_in": timedelta(seconds=seconds)}))


class CaptureBody(Body):
    """What is taken of the hold; the rest is free again."""

    points: PositivePoints | None = Field(default=None, description="Default: all of it.")
    reference: Reference | None = Field(default=None, description="The redemption's; default: the hold's.")

    def resolved(self) -> NewCapture:
        """What the ledger is asked."""
        return NewCapture(**dict(self))


class HoldPath(Path):
    hold_id: str = Field(max_length=30)


class HoldAnswer(Answer):
    """Points set aside. `captured` of them were redeemed by `redemption_id`; an open hold releases itself at `expires_at`."""

    object: Literal["hold"] = "hold"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    points: int
    captured: int
    state: Literal["open", "captured", "released", "expired"]
    expires_at: Instant
    redemption_id: str | None
    ruleset: str


class Held(Moved, HoldAnswer):
    """The hold, and the balance after it."""


class HoldList(ListAnswer[HoldAnswer]):
    pass


@routes.post("/v1/holds", responses={201: Held, 200: Held})
@needs("redemptions:write", idempotent=True)
def hold(body: HoldBody) -> Response:
    """Set points aside while the customer pays; nobody else spends them, and they don't expire meanwhile."""
    asked = body.resolved()
    return answer_move(lambda context: holds.hold(context, caller(), asked), body=body, shape=Held, name="hold")


@routes.get("/v1/holds", responses={200: HoldList})
@needs("redemptions:read")
def find(query: ReferenceQuery) -> Response:
    """Find the hold with a reference."""
    return answer_found(HoldList, query, holds.find_hold, HoldAnswer.of)


@routes.get("/v1/holds/<hold_id>", responses={200: HoldAnswer})
@needs("redemptions:read")
def get(path: HoldPath) -> Response:
    """One hold and how it ended."""
    return respond(HoldAnswer.of(holds.get_hold(ledger(), caller(), path.hold_id)))


@routes.post("/v1/holds/<hold_id>/capture", responses={201: Redeemed, 200: Redeemed})
@needs("redemptions:write", idempotent=True)
def capture(path: HoldPath, body: CaptureBody) -> Response:
    """Redeem all or part of a hold; what is left of it is free again. Repeatable with the same points."""
    asked = body.resolved()
    return answer_move(
        lambda context: holds.capture(context, caller(), path.hold_id, asked),
        body=body,
        shape=Redeemed,
        name="redemption",
    )


@routes.post("/v1/holds/<hold_id>/release", responses={201: Held, 200: Held})
@needs("redemptions:write", idempotent=True)
def release(path: HoldPath, body: NothingBody) -> Response:
    """Free the points of a hold. Repeatable, also when it has ended by itself."""
    return answer_move(
        lambda context: holds.release(context, caller(), path.hold_id), body=body, shape=Held, name="hold"
    )
