"""Challenges and badges of a member, and whom they invited."""

from __future__ import annotations

from datetime import date
from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, respond
from token_service.api.members import MemberPath
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import challenge_standings

routes = Routes("challenges", __name__, abp_tags=[{"name": "Challenges"}])


class ChallengeAnswer(Answer):
    """Where the member stands in one challenge today: `counted` of `target` towards the next completion, within `period` if the
    challenge has periods; `times` completed in it so far, or ever."""

    object: Literal["challenge"] = "challenge"
    id: str
    counts: str = Field(description="orders, items, spend (minor units), visits, events or streak (periods in a row).")
    counted: int
    target: int
    times: int
    period: str | None = Field(examples=["2026-11"])
    repeats: bool
    starts: date | None
    until: date | None
    points: int | None = Field(description="What the next completion gives, with `reward_id` and `badge`.")
    reward_id: str | None
    badge: bool


class ChallengeList(Answer):
    """Every challenge of the rules in force, in their order."""

    object: Literal["list"] = "list"
    data: list[ChallengeAnswer]


class BadgeAnswer(Answer):
    """A badge: the challenge that gave it, the rules that it was completed under, and when."""

    object: Literal["badge"] = "badge"
    id: str
    ruleset: str
    awarded_at: Instant


class BadgeList(Answer):
    """The member's badges, first ones first."""

    object: Literal["list"] = "list"
    data: list[BadgeAnswer]


@routes.get("/v1/members/<member_id>/challenges", responses={200: ChallengeList})
@needs("members:read")
def list_challenges(path: MemberPath) -> Response:
    """How far the member is in each challenge, and what completing it gives."""
    found = challenge_standings.list_challenges(ledger(), caller(), path.member_id)
    return respond(ChallengeList(data=[ChallengeAnswer.of(one) for one in found]))


@routes.get("/v1/members/<member_id>/badges", responses={200: BadgeList})
@needs("members:read")
def list_badges(path: MemberPath) -> Response:
    """The badges that the member has. They never change a balance."""
    found = challenge_standings.list_badges(ledger(), caller(), path.member_id)
    return respond(BadgeList(data=[BadgeAnswer.of(one) for one in found]))
