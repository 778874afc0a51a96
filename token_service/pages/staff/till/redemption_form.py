"""The page on which points are used: what was asked for, what it is worth, what speaks against it."""

from __future__ import annotations

from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue

from token_service.ledger.reward_standings import list_reward_standings
from token_service.pages.breakdown import reward_named
from token_service.pages.services import services
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.amounts import parse_whole
from token_service.pages.staff.till.screen import customer, till_page
from token_service.program.rewards import value_of


def asked_for(values: Any) -> dict[str, Any] | None:
    """Either `points` > 0 or a `reward_id` that the rules have; None if it is neither. An unknown reward is a 404."""
    reward_id = values.get("reward_id", "")
    if reward_id:
        if reward_id not in {reward.id for reward in services().ruleset().rewards}:
            abort(404)
        return {"reward_id": reward_id}
    points = parse_whole(values.get("points", ""))
    return {"points": points} if points else None


def redemption_page(
    member_id: str,
    asked: dict[str, Any] | None = None,
    reference: str = "",
    *,
    refusal: str | None = None,
    error: str = "",
    status: int = 200,
    signs: bool = False,
) -> ResponseReturnValue:
    """`signs`: the customer keeps the points in a wallet of their own and is asked for a signature."""
    rules = services().ruleset()
    reward_id = (asked or {}).get("reward_id")
    points = _price(member_id, reward_id) if reward_id else (asked or {}).get("points", 0)
    return till_page(
        "redemption.html",
        status,
        customer=customer(member_id),
        asked=asked or {},
        points=points,
        reward=reward_named(rules, reward_id) if reward_id else None,
        worth=value_of(rules, points) if rules.program.point_value and not reward_id else None,
        reference=reference,
        refusal=refusal,
        error=error,
        signs=signs,
    )


def _price(member_id: str, reward_id: str) -> int:
    """What it costs this member."""
    standings = list_reward_standings(services().context, person().actor, member_id)
    return next(one.points for one in standings if one.id == reward_id)
