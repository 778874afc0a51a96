"""Points on recurring orders: what members let be used on each renewal, and the bills that ask."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, MoneyAnswer, respond
from token_service.api.fields import Id, MinorUnits, Name, Points, Reference
from token_service.api.input import Body, Path
from token_service.api.members import MemberPath
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_once
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import InvalidInput, Place
from token_service.ledger import standing_orders
from token_service.ledger.inputs import NewRenewal

routes = Routes("renewals", __name__, abp_tags=[{"name": "Renewals"}])


class StandingOrderBody(Body):
    """Up to how many points may be used on each renewal; 0 ends it."""

    points: Points


class RenewalBody(Body):
    """What a recurring order costs this time."""

    reference: Reference
    amount: MinorUnits
    member_id: Id | None = Field(default=None, description="Exactly one of member_id and external_id.")
    external_id: Name | None = None
    merchant_id: Id | None = Field(default=None, description="With an admin key: who bills.")

    def resolved(self) -> NewRenewal:
        """What the ledger is asked. Raises InvalidInput unless one member is named."""
        if (self.member_id is None) == (self.external_id is None):
            detail = "Name the member once: member_id or external_id."
            raise InvalidInput(detail, places=(Place("/member_id", detail),))
        return NewRenewal(**dict(self))


class RenewalPath(Path):
    renewal_id: str = Field(max_length=30)


class StandingOrderAnswer(Answer):
    """What a member lets be used on each renewal; 0 points where they asked for nothing."""

    object: Literal["standing_order"] = "standing_order"
    member_id: str
    points: int
    set_at: Instant | None


class RenewalAnswer(Answer):
    """A bill of which `points` paid `value`; charge `to_pay`. Without points `why_none` says why: `no_standing_order`,
    `no_points`, `too_small`, `no_point_value`, `spending_limit`, `member_frozen`, `member_leaving` or `program_paused`.
    """

    object: Literal["renewal"] = "renewal"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    amount: MoneyAnswer
    points: int
    value: MoneyAnswer
    to_pay: MoneyAnswer
    why_none: str | None
    redemption_id: str | None


class RenewalList(ListAnswer[RenewalAnswer]):
    pass


@routes.get("/v1/members/<member_id>/standing-order", responses={200: StandingOrderAnswer})
@needs("members:read")
def get_order(path: MemberPath) -> Response:
    """What the member lets be used on each renewal."""
    return respond(StandingOrderAnswer.of(standing_orders.get_standing_order(ledger(), caller(), path.member_id)))


@routes.put("/v1/members/<member_id>/standing-order", responses={200: StandingOrderAnswer})
@needs("members:write")
def set_order(path: MemberPath, body: StandingOrderBody) -> Response:
    """Say, for the member who asked, up to how many points may be used on each renewal. Repeatable."""
    order = standing_orders.set_standing_order(ledger(), caller(), path.member_id, body.points)
    return respond(StandingOrderAnswer.of(order))


@routes.post("/v1/renewals", responses={201: RenewalAnswer})
@needs("redemptions:write", idempotent=True)
def renew(body: RenewalBody) -> Response:
    """Bill a renewal: points are used as far as the member's standing order, balance and the amount allow. Repeatable: the same
    reference answers the same, also when no points were used.
    """
    asked = body.resolved()
    return answer_once(
        lambda context: standing_orders.renew(context, caller(), asked),
        body=body,
        present=RenewalAnswer.of,
        ids=lambda renewal: [renewal.id],
        load=lambda context, ids: standing_orders.get_renewal(context, caller(), ids[0]),
    )


@routes.get("/v1/renewals", responses={200: RenewalList})
@needs("redemptions:read")
def find(query: ReferenceQuery) -> Response:
    """Find the renewal with a reference."""
    return answer_found(RenewalList, query, standing_orders.find_renewal, RenewalAnswer.of)


@routes.get("/v1/renewals/<renewal_id>", responses={200: RenewalAnswer})
@needs("redemptions:read")
def get(path: RenewalPath) -> Response:
    """One renewal."""
    return respond(RenewalAnswer.of(standing_orders.get_renewal(ledger(), caller(), path.renewal_id)))
