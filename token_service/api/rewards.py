"""Rewards for a member: which they may have now, why not the others, and how many are left."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, respond
from token_service.api.fields import MinorUnits
from token_service.api.input import Body, Path
from token_service.api.members import MemberPath
from token_service.api.reward_terms import TermsAnswer
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import reward_standings, stock

routes = Routes("rewards", __name__, abp_tags=[{"name": "Rewards"}])


class StockBody(Body):
    """How many pieces are left from now on."""

    pieces_left: MinorUnits | None = Field(description="null: no end of them.")


class RewardPath(Path):
    reward_id: str = Field(max_length=40)


class StockAnswer(Answer):
    """The stock of a reward."""

    object: Literal["reward_stock"] = "reward_stock"
    reward_id: str
    pieces_left: int | None


class RewardStandingAnswer(Answer):
    """A reward for one member, now; `points` is their own price. `refusal` is null unless it is closed to them: its `reason` is
    `level_needed`, `membership_needed`, `segment_needed`, `not_yet_open`, `over`, `had_already` or `sold_out`, with what it
    needs; or why their points buy nothing now: `member_frozen`, `member_leaving` (with `state`), `program_paused`; or a limit on
    using points (`day_spent`, `too_soon`); of one that gives, `cause_closed`, or a limit on gifts (`day_given`, `all_given`).
    Points that are missing are no refusal: `allowed` is true when neither is there."""

    object: Literal["reward_standing"] = "reward_standing"
    id: str
    kind: str
    points: int
    missing_points: int
    allowed: bool
    refusal: dict[str, Any] | None
    pieces_left: int | None
    terms: TermsAnswer


class RewardStandingList(Answer):
    """Every reward of the rules in force."""

    object: Literal["list"] = "list"
    data: list[RewardStandingAnswer]


@routes.get("/v1/members/<member_id>/rewards", responses={200: RewardStandingList})
@needs("members:read")
def list_standings(path: MemberPath) -> Response:
    """What the member may have for their points now, and why not the rest."""
    found = reward_standings.list_reward_standings(ledger(), caller(), path.member_id)
    data = [RewardStandingAnswer.of(one, refusal=dict(one.refusal) or None) for one in found]
    return respond(RewardStandingList(data=data))


@routes.put("/v1/rewards/<reward_id>/stock", responses={200: StockAnswer})
@needs("rulesets:write")
def set_stock(path: RewardPath, body: StockBody) -> Response:
    """Say how many pieces of a reward are left. A piece goes with each redemption, and comes back when all its points do."""
    left = stock.set_stock(ledger(), caller(), path.reward_id, body.pieces_left)
    return respond(StockAnswer(reward_id=path.reward_id, pieces_left=left))
