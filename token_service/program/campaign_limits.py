"""How often a member gets a campaign's award, and what a campaign gives in all (docs/rulesets.md "Limits of a campaign").

A use is a purchase that keeps points of the campaign. What was used before is a fact of the purchase (`CampaignFacts`), so the
decision stays a function of facts; who keeps the history computes that fact with `times_used`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from token_service.program.action_schema import PerMember
from token_service.program.budgets import budget_points
from token_service.program.durations import add
from token_service.program.facts import CampaignFacts, PurchaseFacts
from token_service.program.schema import Campaign, Ruleset

LIMIT_PREFIX = "limit:campaign:"
"""Before a campaign's id: the breakdown's line that takes away what its limits don't allow."""


def limited(campaigns: Iterable[Campaign]) -> tuple[Campaign, ...]:
    """Those that have limits, in their order."""
    return tuple(campaign for campaign in campaigns if campaign.limits is not None)


def fact_of(facts: PurchaseFacts, campaign: Campaign) -> CampaignFacts:
    """What the facts say of a campaign; nothing used where they don't name it (an addendum's, tried on an old purchase)."""
    return next((one for one in facts.campaigns if one.id == campaign.id), CampaignFacts(campaign.id, 0, None))


def is_used_up(facts: PurchaseFacts, campaign: Campaign) -> bool:
    """Whether the member had it as often as they may."""
    if campaign.limits is None or campaign.limits.per_member is None:
        return False
    return (fact_of(facts, campaign).times or 0) >= campaign.limits.per_member.times


def times_used(per_member: PerMember, uses: Iterable[datetime], at: datetime, time_zone: str) -> int:
    """How many of the uses lie so near to `at` that they count: within `every`, before or behind (a purchase may be recorded
    late); all of them without `every`.
    """
    every = per_member.every
    if every is None:
        return sum(1 for _ in uses)
    return sum(1 for use in uses if (use <= at < add(use, every, time_zone)) or (at < use < add(at, every, time_zone)))


def room_in_budget(ruleset: Ruleset, facts: PurchaseFacts, campaign: Campaign) -> int | None:
    """Points that the campaign may still give; None for any number."""
    budget = budget_points(ruleset, campaign.limits)
    if budget is None:
        return None
    room = fact_of(facts, campaign).budget_points
    return budget if room is None else room
