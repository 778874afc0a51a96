"""Whom a member invited, and the code to invite with."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, respond
from token_service.api.members import MemberPath
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import referrals

routes = Routes("referrals", __name__, abp_tags=[{"name": "Members"}])


class ReferralAnswer(Answer):
    """An invitation that somebody took up. `waiting`: for a purchase that can no longer be returned; `taken_back`: it was paid
    for, and then nothing was kept of what the newcomer bought.
    """

    object: Literal["referral"] = "referral"
    id: str
    created_at: Instant
    state: Literal["waiting", "paid", "taken_back", "refused"]
    reason: str | None = Field(
        description="Of a refused one: self, cycle, known (a member already), same_device, same_household, no_purchase; "
        "referrer_gone."
    )
    decided_at: Instant | None


class InvitationAnswer(Answer):
    """The member's code: whoever is enrolled with it as `referral_code` was invited by them. `invited_by` is how they came."""

    object: Literal["invitation"] = "invitation"
    code: str = Field(examples=["7QK2-M9XD"])
    referrals: list[ReferralAnswer]
    invited_by: ReferralAnswer | None


@routes.get("/v1/members/<member_id>/invitation", responses={200: InvitationAnswer})
@needs("members:read")
def invitation(path: MemberPath) -> Response:
    """The code that the member invites others with, and what became of each invitation."""
    return respond(InvitationAnswer.of(referrals.get_invitation(ledger(), caller(), path.member_id)))
