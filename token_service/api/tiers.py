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


class TierAnswer(Answer):
    """Where a member stands: `figure` is what their window holds of what `qualify_by` names. `keeps_until` is set while the
    window no longer carries the level (its grace). `downgrade` is null where no step down is ahead.
    """

    object: Literal["tier"] = "tier"
    member_id: str
    tier: str | None
    qualify_by: Literal["points", "spend", "orders", "engagement"]
    figure: int
    next_tier: NextTierAnswer | None
    keeps_until: Instant | None
    downgrade: TierDowngradeAnswer | None


@routes.get("/v1/members/<member_id>/tier", responses={200: TierAnswer})
@needs("members:read")
def get_tier(path: MemberPath) -> Response:
    """The member's level now, what is missing to the next, and the step down ahead. 404 where the rules have no levels."""
    return respond(TierAnswer.of(tier_outlook.get_tier(ledger(), caller(), path.member_id)))
