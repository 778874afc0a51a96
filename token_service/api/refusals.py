"""What limits, ceilings and freezes refused."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, respond
from token_service.api.lists import ListQuery
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import refusals

routes = Routes("refusals", __name__, abp_tags=[{"name": "Refusals"}])


class RefusalAnswer(Answer):
    """A call that a limit, a ceiling or a freeze refused, so many `times`. What was refused left nothing else."""

    object: Literal["refusal"] = "refusal"
    merchant_id: str | None
    actor: str = Field(description="The key or person that asked.")
    kind: str = Field(description="What was asked for: purchase, issuance, redemption …")
    reference: str | None
    code: str
    key: str | None = Field(description="The limit's place in the rules.", examples=["limits.per_member_day_points"])
    points: int | None = Field(description="As many as were asked for, where the call named them.")
    times: int
    first_at: Instant
    last_at: Instant


class RefusalList(ListAnswer[RefusalAnswer]):
    pass


class RefusalQuery(ListQuery):
    """Which part; an admin key may ask for one merchant's."""

    merchant_id: str | None = Field(default=None, max_length=30)


@routes.get("/v1/refusals", responses={200: RefusalList})
@needs("purchases:read")
def list_all(query: RefusalQuery) -> Response:
    """What was refused in the last 400 days, newest first: a merchant's own, or everybody's with an admin key."""
    page = refusals.list_refusals(
        ledger(), caller(), merchant_id=query.merchant_id, limit=query.limit, cursor=query.cursor
    )
    data = [RefusalAnswer.of(one) for one in page.data]
    return respond(RefusalList(data=data, next_cursor=page.next_cursor))
