"""Points spent, and giving them back."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, MoneyAnswer, Moved, respond
from token_service.api.fields import Code, Id, PositivePoints, Reference
from token_service.api.input import Body, Path
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_move
from token_service.api.reversals import ReversalAnswer, ReversalBody
from token_service.api.reward_terms import OrderBody
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import InvalidInput, Place
from token_service.ledger import redemptions
from token_service.ledger.inputs import NewRedemption

routes = Routes("redemptions", __name__, abp_tags=[{"name": "Redemptions"}])


class RedemptionBody(Body):
    """How many points are spent, or the reward that they buy."""

    reference: Reference
    member_id: Id
    points: PositivePoints | None = Field(default=None, description="Exactly one of points and reward_id.")
    reward_id: Code | None = Field(default=None, description="A reward of the ruleset in force; it has the price.")
    merchant_id: Id | None = Field(default=None, description="With an admin key: who accepts the points.")
    order: OrderBody | None = Field(
        default=None, description="What the reward is used for: needed if its terms name any."
    )

    def resolved(self) -> NewRedemption:
        """What the ledger is asked. Raises InvalidInput unless exactly one of points and reward_id is given."""
        if (self.points is None) == (self.reward_id is None):
            detail = "Give points or reward_id, not both."
            raise InvalidInput(detail, places=(Place("/points", detail),))
        order = None if self.order is None else self.order.resolved()
        return NewRedemption(**{**dict(self), "order": order})


class RedemptionPath(Path):
    redemption_id: str = Field(max_length=30)


class RedemptionAnswer(Answer):
    """Points spent; `value` is their worth by the ruleset, `reversed` of them were given back so far. `discount` is what the
    reward took off the order (null: no money, or no order was said)."""

    object: Literal["redemption"] = "redemption"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    points: int
    reward_id: str | None
    value: MoneyAnswer
    discount: MoneyAnswer | None
    reversed: int
    ruleset: str


class Redeemed(Moved, RedemptionAnswer):
    """The redemption, its entries, and the balance after it."""


class RedemptionList(ListAnswer[RedemptionAnswer]):
    pass


@routes.post("/v1/redemptions", responses={201: Redeemed, 200: Redeemed})
@needs("redemptions:write", idempotent=True)
def redeem(body: RedemptionBody) -> Response:
    """Spend points, as an amount or for a reward."""
    asked = body.resolved()
    return answer_move(
        lambda context: redemptions.redeem(context, caller(), asked), body=body, shape=Redeemed, name="redemption"
    )


@routes.get("/v1/redemptions", responses={200: RedemptionList})
@needs("redemptions:read")
def find(query: ReferenceQuery) -> Response:
    """Find the redemption with a reference."""
    return answer_found(RedemptionList, query, redemptions.find_redemption, RedemptionAnswer.of)


@routes.get("/v1/redemptions/<redemption_id>", responses={200: RedemptionAnswer})
@needs("redemptions:read")
def get(path: RedemptionPath) -> Response:
    """One redemption."""
    return respond(RedemptionAnswer.of(redemptions.get_redemption(ledger(), caller(), path.redemption_id)))


@routes.post("/v1/redemptions/<redemption_id>/reversals", responses={201: ReversalAnswer, 200: ReversalAnswer})
@needs("redemptions:write", idempotent=True)
def restore(path: RedemptionPath, body: ReversalBody) -> Response:
    """Give back all or part of a redemption; the same lots come back."""
    asked = body.resolved()
    return answer_move(
        lambda context: redemptions.restore(context, caller(), path.redemption_id, asked),
        body=body,
        shape=ReversalAnswer,
        name="reversal",
    )
