"""A member's level, and what is ahead of it."""

from __future__ import annotations

from typing import Literal

from flask import Response

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, respond
from token_service.api.members import MemberPath, NextTierAnswer
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import tier_outlook

routes = Routes("tiers", __name__, abp_tags=[{"name": "Members"}])


class TierDowngradeAnswer(Answer):
    """The next step down if the member does nothing: at `at`, to the level `to` (null: none). `missing` more, in what
    `qualify_by` names, keeps the level; null where nothing does yet, because the window begins anew before.
    """

    to: str | None
    at: Instant
    missing: int | None


class MeasuresAnswer(Answer):
    """What the member's window holds of each thing that levels may count: minor units paid, points kept, orders, and how often
    they took part in something that earns points.
    """

    spend: int
    points: int
    orders: int
    engagement: int


class ProjectionAnswer(Answer):
    """The next level that differs from today's, if nothing more is bought and nothing given back: `tier` from `at` on, with the
    `figure` of then, under the rules of that hash. `because`: `window` (it no longer carries today's level) or `rules` (others
    come into force). `at` and `because` are null, and `tier` is today's, where nothing ahead changes it. Points that wait for
    their return window count from the purchase on: that they are issued changes no level.
    """

    tier: str | None
    figure: int
    ruleset: str
    at: Instant | None
    because: Literal["window", "rules"] | None


class TierAnswer(Answer):
    """Where a member stands: `figure` is what their window holds of what `qualify_by` names, `measures` what it holds of each
    thing, so also of that one. From `keep` on the level is kept (null without a level). `keeps_until` is set while the window no
    longer carries the level (its grace). `downgrade`, under the rules in force, is null where no step down is ahead.
    """

    object: Literal["tier"] = "tier"
    member_id: str
    tier: str | None
    qualify_by: Literal["points", "spend", "orders", "engagement"]
    figure: int
    measures: MeasuresAnswer
    keep: int | None
    next_tier: NextTierAnswer | None
    keeps_until: Instant | None
    downgrade: TierDowngradeAnswer | None
    projected: ProjectionAnswer


@routes.get("/v1/members/<member_id>/tier", responses={200: TierAnswer})
@needs("members:read")
def get_tier(path: MemberPath) -> Response:
    """The member's level now, what is missing to the next, the step down ahead, and the level that comes next.

    404 where the rules have no levels."""
    return respond(TierAnswer.of(tier_outlook.get_tier(ledger(), caller(), path.member_id)))
