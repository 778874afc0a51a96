"""Paid memberships: a merchant sells a period, refunds it; what they brought in."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, BalanceAnswer, Instant, MoneyAnswer, Moved, respond
from token_service.api.fields import Id, MinorUnits, Name, Reason, Reference, Time
from token_service.api.input import Body, Path
from token_service.api.members import MemberPath
from token_service.api.purchases import BreakdownAnswer
from token_service.api.replays import answer_move
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.api.settlement import PeriodQuery
from token_service.api.simulations import SimulatedRefusal, refusal_of
from token_service.errors import InvalidInput, Place
from token_service.ledger import memberships
from token_service.ledger.inputs import NewMembership, NewReversal

routes = Routes("memberships", __name__, abp_tags=[{"name": "Memberships"}])


class MembershipBody(Body):
    """A member buys a period of a membership of the rules in force. Sold again before its end, it follows on."""

    reference: Reference
    membership: Name = Field(examples=["club"])
    member_id: Id | None = Field(default=None, description="Exactly one of member_id and external_id.")
    external_id: Name | None = None
    paid: MinorUnits | None = Field(default=None, description="What was paid, if it was not the price of the rules.")
    occurred_at: Time | None = Field(default=None, description="When it was bought; now, if left out.")
    merchant_id: Id | None = Field(default=None, description="With an admin key: who sells it.")

    def resolved(self) -> NewMembership:
        """What the ledger is asked. Raises InvalidInput unless one member is named."""
        if (self.member_id is None) == (self.external_id is None):
            detail = "Name the member once: member_id or external_id."
            raise InvalidInput(detail, places=(Place("/member_id", detail),))
        return NewMembership(**dict(self))


class MembershipPath(Path):
    membership_id: str = Field(max_length=30)


class MembershipRefundBody(Body):
    """The refund's own name, and why."""

    reference: Reference
    reason: Reason | None = None

    def resolved(self) -> NewReversal:
        """What the ledger is asked."""
        return NewReversal(**dict(self))


class MembershipAnswer(Answer):
    """A period that a member bought. Its benefits hold from `starts_at` to `keeps_until`, its end with the grace, or until it was
    refunded (`ended_at`)."""

    object: Literal["membership"] = "membership"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    membership: str
    starts_at: Instant
    ends_at: Instant
    keeps_until: Instant
    is_renewal: bool
    paid: MoneyAnswer
    points: int
    breakdown: list[BreakdownAnswer]
    ended_at: Instant | None
    ruleset: str


class SoldMembership(Moved, MembershipAnswer):
    """The period, the entries it made, and the balance after it."""


class MembershipList(Answer):
    """All periods that the member ever bought, newest first."""

    object: Literal["list"] = "list"
    data: list[MembershipAnswer]


class MembershipSimulation(Answer):
    """The period that the real call would sell, or its refusal. `balance` is the member's now."""

    object: Literal["simulation"] = "simulation"
    allowed: bool
    membership: MembershipAnswer | None
    refusal: SimulatedRefusal | None
    balance: BalanceAnswer


class MembershipTotalAnswer(Answer):
    """What one membership brought in; `paid` of what was sold in these days, `paid_back` of what was refunded in them; cents.
    `members` hold one now."""

    membership: str
    sold: int
    renewals: int
    refunds: int
    paid: int
    paid_back: int
    members: int


class MembershipTotals(Answer):
    """By membership; of a merchant its own sales, of an admin all."""

    object: Literal["list"] = "list"
    data: list[MembershipTotalAnswer]


@routes.post("/v1/memberships", responses={201: SoldMembership, 200: SoldMembership})
@needs("purchases:write", idempotent=True)
def sell(body: MembershipBody) -> Response:
    """Sell a period: its benefits begin at once, or follow on from the period before."""
    asked = body.resolved()
    return answer_move(
        lambda context: memberships.sell_membership(context, caller(), asked),
        body=body,
        shape=SoldMembership,
        name="membership",
    )


@routes.get("/v1/memberships/<membership_id>", responses={200: MembershipAnswer})
@needs("purchases:read")
def get(path: MembershipPath) -> Response:
    """One period."""
    return respond(MembershipAnswer.of(memberships.get_membership(ledger(), caller(), path.membership_id)))


@routes.post("/v1/memberships/<membership_id>/refunds", responses={201: SoldMembership, 200: SoldMembership})
@needs("purchases:write", idempotent=True)
def refund(path: MembershipPath, body: MembershipRefundBody) -> Response:
    """Refund a period: it ends now, and the points that came with it are taken back."""
    asked = body.resolved()
    return answer_move(
        lambda context: memberships.refund_membership(context, caller(), path.membership_id, asked),
        body=body,
        shape=SoldMembership,
        name="membership",
    )


@routes.get("/v1/memberships:totals", responses={200: MembershipTotals})
@needs("purchases:read")
def totals(query: PeriodQuery) -> Response:
    """What memberships brought in between two local dates, both included; at most 366 days."""
    found = memberships.membership_totals(ledger(), caller(), query.since, query.until)
    return respond(MembershipTotals(data=[MembershipTotalAnswer.of(one) for one in found]))


@routes.get("/v1/members/<member_id>/memberships", responses={200: MembershipList})
@needs("members:read")
def list_of_member(path: MemberPath) -> Response:
    """Every period that the member ever bought."""
    found = memberships.list_memberships(ledger(), caller(), path.member_id)
    return respond(MembershipList(data=[MembershipAnswer.of(one) for one in found]))


@routes.post("/v1/simulations/membership", responses={200: MembershipSimulation})
@needs("purchases:write")
def simulate(body: MembershipBody) -> Response:
    """When a period would begin and end, and what it would give."""
    simulation = memberships.simulate_membership(ledger(), caller(), body.resolved())
    return respond(
        MembershipSimulation(
            allowed=simulation.refusal is None,
            membership=MembershipAnswer.of(simulation.value) if simulation.value else None,
            refusal=refusal_of(simulation),
            balance=BalanceAnswer.of(simulation.balance),
        )
    )
