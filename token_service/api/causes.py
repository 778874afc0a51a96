"""Causes, and points given to them."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs, public
from token_service.api.answers import Answer, Instant, ListAnswer, MoneyAnswer, Moved, respond
from token_service.api.fields import Id, Name, PositivePoints, Reference
from token_service.api.input import Body, NothingBody, Path
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_move, answer_once
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import causes, donations, views
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewDonation

routes = Routes("causes", __name__, abp_tags=[{"name": "Causes"}])


class CauseBody(Body):
    """A cause to register; its name is published on the chain."""

    name: Name


class CausePath(Path):
    cause_id: str = Field(max_length=30)


class DonationBody(Body):
    """How many points a member gives, and to whom: `points` and `cause_id`; or a `reward_id` of the kind donation, which says
    both (`points` beside it is the price that was agreed to)."""

    reference: Reference
    member_id: Id
    points: PositivePoints | None = None
    cause_id: Id | None = None
    reward_id: str | None = Field(default=None, min_length=1, max_length=40)
    merchant_id: Id | None = Field(default=None, description="With an admin key: where it happened.")

    def resolved(self) -> NewDonation:
        """What the ledger is asked."""
        return NewDonation(**dict(self))


class DonationPath(Path):
    donation_id: str = Field(max_length=30)


class CauseAnswer(Answer):
    """A cause, and what it was given in all. `party` is its number on the chain, where anybody adds it up."""

    object: Literal["cause"] = "cause"
    id: str
    created_at: Instant
    name: str
    party: int
    is_open: bool
    donated: int
    donations: int


class DonationAnswer(Answer):
    """Points given to a cause; `value` is what they were worth by the ruleset, `reward_id` the reward that gave them, if one
    did."""

    object: Literal["donation"] = "donation"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    cause_id: str
    cause_name: str
    points: int
    value: MoneyAnswer
    ruleset: str
    reward_id: str | None


class Donated(Moved, DonationAnswer):
    """The donation, its entries, and the balance after it."""


class CauseList(ListAnswer[CauseAnswer]):
    pass


class DonationList(ListAnswer[DonationAnswer]):
    pass


@routes.get("/v1/causes", responses={200: CauseList})
@public()
def list_causes() -> Response:
    """Every cause with its running total."""
    data = [CauseAnswer.of(one) for one in causes.list_causes(ledger())]
    return respond(CauseList(data=data, next_cursor=None))


@routes.post("/v1/causes", responses={201: CauseAnswer})
@needs("merchants:write", idempotent=True)
def create(body: CauseBody) -> Response:
    """Register a cause."""

    def load(context: Context, ids: list[str]) -> views.Cause:
        return next(one for one in causes.list_causes(context) if one.id == ids[0])

    return answer_once(
        lambda context: causes.create_cause(context, caller(), body.name),
        body=body,
        present=CauseAnswer.of,
        ids=lambda cause: [cause.id],
        load=load,
    )


@routes.post("/v1/causes/<cause_id>/close", responses={200: CauseAnswer})
@needs("merchants:write")
def close(path: CausePath, body: NothingBody) -> Response:
    """End a cause: nobody gives to it any more, and its total stays public. Repeatable."""
    return respond(CauseAnswer.of(causes.close_cause(ledger(), caller(), path.cause_id)))


@routes.post("/v1/donations", responses={201: Donated, 200: Donated})
@needs("redemptions:write", idempotent=True)
def donate(body: DonationBody) -> Response:
    """Give a member's points to a cause, at their wish. It cannot be taken back."""
    asked = body.resolved()
    return answer_move(
        lambda context: donations.donate(context, caller(), asked), body=body, shape=Donated, name="donation"
    )


@routes.get("/v1/donations", responses={200: DonationList})
@needs("redemptions:read")
def find(query: ReferenceQuery) -> Response:
    """Find the donation with a reference."""
    return answer_found(DonationList, query, donations.find_donation, DonationAnswer.of)


@routes.get("/v1/donations/<donation_id>", responses={200: DonationAnswer})
@needs("redemptions:read")
def get(path: DonationPath) -> Response:
    """One donation."""
    return respond(DonationAnswer.of(donations.get_donation(ledger(), caller(), path.donation_id)))
