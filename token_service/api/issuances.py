"""Points minted by hand, and taking them back."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, Moved, respond
from token_service.api.fields import Id, PositivePoints, Reason, Reference
from token_service.api.input import Body, Path
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_move
from token_service.api.reversals import ReversalAnswer, ReversalBody
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import issuances
from token_service.ledger.inputs import NewIssuance

routes = Routes("issuances", __name__, abp_tags=[{"name": "Issuances"}])


class IssuanceBody(Body):
    """Points to give, and why."""

    reference: Reference
    member_id: Id
    points: PositivePoints
    reason: Reason
    merchant_id: Id | None = Field(default=None, description="With an admin key: who issues.")

    def resolved(self) -> NewIssuance:
        """What the ledger is asked."""
        return NewIssuance(**dict(self))


class IssuancePath(Path):
    issuance_id: str = Field(max_length=30)


class IssuanceAnswer(Answer):
    """Points minted by hand; `reversed` of them were taken back so far."""

    object: Literal["issuance"] = "issuance"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    points: int
    reason: str
    reversed: int
    ruleset: str


class Issued(Moved, IssuanceAnswer):
    """The issuance, its entries, and the balance after it."""


class IssuanceList(ListAnswer[IssuanceAnswer]):
    pass


@routes.post("/v1/issuances", responses={201: Issued, 200: Issued})
@needs("issuances:write", idempotent=True)
def issue(body: IssuanceBody) -> Response:
    """Issue points by hand, within the merchant's ceiling and the ruleset's limit."""
    asked = body.resolved()
    return answer_move(
        lambda context: issuances.issue(context, caller(), asked), body=body, shape=Issued, name="issuance"
    )


@routes.get("/v1/issuances", responses={200: IssuanceList})
@needs("issuances:write")
def find(query: ReferenceQuery) -> Response:
    """Find the issuance with a reference."""
    return answer_found(IssuanceList, query, issuances.find_issuance, IssuanceAnswer.of)


@routes.get("/v1/issuances/<issuance_id>", responses={200: IssuanceAnswer})
@needs("issuances:write")
def get(path: IssuancePath) -> Response:
    """One issuance."""
    return respond(IssuanceAnswer.of(issuances.get_issuance(ledger(), caller(), path.issuance_id)))


@routes.post("/v1/issuances/<issuance_id>/reversals", responses={201: ReversalAnswer, 200: ReversalAnswer})
@needs("issuances:write", idempotent=True)
def reverse(path: IssuancePath, body: ReversalBody) -> Response:
    """Take back all or part of an issuance; what the balance cannot cover becomes debt."""
    asked = body.resolved()
    return answer_move(
        lambda context: issuances.reverse_issuance(context, caller(), path.issuance_id, asked),
        body=body,
        shape=ReversalAnswer,
        name="reversal",
    )
