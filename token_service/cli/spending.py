"""A few redemptions, so that the demo's statements show points going out as well as in, and whom to sign in as."""

from __future__ import annotations

from typing import Final

from token_service.errors import Refused
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.members import list_members
from token_service.ledger.merchants import find_merchant
from token_service.ledger.redemptions import redeem
from token_service.ledger.rulesets import ruleset_in_force
from token_service.ledger.views import Member
from token_service.program.ruleset import parse_ruleset

REDEEMING: Final = 25
"""Members who buy the cheapest reward."""


def redeem_some(context: Context, merchant_name: str) -> int:
    """How many of the members with most points have redeemed the cheapest reward (again: nothing happens twice)."""
    merchant = find_merchant(context, Actor.admin("demo"), merchant_name)
    rewards = parse_ruleset(ruleset_in_force(context, context.now()).document).rewards
    if merchant is None or not rewards:
        return 0
    cheapest = min(rewards, key=lambda reward: reward.points)
    actor = Actor.merchant(merchant.id, name="demo")
    redeemed = 0
    for member in _by_points(context, merchant.id)[:REDEEMING]:
        new = NewRedemption(reference=f"demo-{member.external_id}", member_id=member.id, reward_id=cheapest.id)
        try:
            redeem(context, actor, new)
        except Refused:
            continue
        redeemed += 1
    return redeemed


def shown_household(context: Context, merchant_id: str) -> int:
    """The household to sign in as: most points among those who still have a level to reach."""
    tiers = parse_ruleset(ruleset_in_force(context, context.now()).document).tiers
    highest = tiers.levels[-1].id if tiers is not None else None
    members = _by_points(context, merchant_id)
    chosen = next((member for member in members if member.tier != highest), members[0])
    return int(str(chosen.external_id).removeprefix("household-"))


def _by_points(context: Context, merchant_id: str) -> list[Member]:
    actor = Actor.merchant(merchant_id, name="demo")
    members: list[Member] = []
    cursor: str | None = None
    while True:
        page = list_members(context, actor, limit=100, cursor=cursor)
        members.extend(page.data)
        cursor = page.next_cursor
        if cursor is None:
            return sorted(members, key=lambda member: (-member.balance.available, member.id))
