"""What limited campaigns have left, as facts of a purchase, and what a purchase uses of them (campaign_limits.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from token_service.program.basket import whole
from token_service.program.budgets import budget_points
from token_service.program.campaign_limits import limited, times_used
from token_service.program.caps import Budget, caps_used, with_caps
from token_service.program.earning import Award, award_for, campaign_points, is_refused_whole, running_campaigns
from token_service.program.facts import CampaignFacts, PurchaseFacts
from token_service.program.schema import Campaign, Ruleset

Uses = Mapping[str, Iterable[datetime]]
"""When the member's other purchases that keep points of a campaign occurred, by the campaign's id."""


def decide_within_limits(
    ruleset: Ruleset, facts: PurchaseFacts, uses: Callable[[Sequence[Campaign]], Uses], left: Callable[[Budget], int]
) -> tuple[PurchaseFacts, Award]:
    """The facts with what the limited campaigns that would give something have left, and what the purchase earns by them.

    `uses` is asked for those campaigns only, `left` for the budgets of those that have one and for caps.
    The award is the one that `decide_purchase` gives for the facts that come out.
    """
    basket = whole(facts)
    running = running_campaigns(ruleset, basket)
    some = limited(running)
    if some:
        facts = _with_what_is_left(ruleset, facts, some, uses(some), left)
    facts = with_caps(ruleset, facts, left)
    return facts, award_for(ruleset, replace(basket, facts=facts), running)


def with_limits(ruleset: Ruleset, facts: PurchaseFacts, uses: Uses, left: Callable[[Budget], int]) -> PurchaseFacts:
    """Only the facts of `decide_within_limits`, for whoever decides about what is left of the purchase."""
    facts = with_caps(ruleset, facts, left)
    if all(campaign.limits is None for campaign in ruleset.campaigns):
        return replace(facts, campaigns=())
    some = limited(running_campaigns(ruleset, whole(facts)))
    return _with_what_is_left(ruleset, facts, some, uses, left)


def _with_what_is_left(
    ruleset: Ruleset, facts: PurchaseFacts, some: Sequence[Campaign], uses: Uses, left: Callable[[Budget], int]
) -> PurchaseFacts:
    zone = ruleset.program.time_zone

    def fact(campaign: Campaign) -> CampaignFacts:
        assert campaign.limits is not None
        per_member = campaign.limits.per_member
        times = (
            None if per_member is None else times_used(per_member, uses.get(campaign.id, ()), facts.occurred_at, zone)
        )
        budget = budget_points(ruleset, campaign.limits)
        return CampaignFacts(campaign.id, times, None if budget is None else left(Budget(campaign.id, budget)))

    return replace(facts, campaigns=tuple(map(fact, some)))


def points_used(facts: PurchaseFacts, award: Award) -> dict[str, int]:
    """What an award holds of each limited campaign and cap; those of which it holds nothing are not named, and not used."""
    if is_refused_whole(award):
        return {}
    found = {campaign.id: campaign_points(award, campaign.id) for campaign in facts.campaigns}
    return {campaign_id: points for campaign_id, points in found.items() if points > 0} | caps_used(facts, award.points)
