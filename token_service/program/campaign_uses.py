"""What limited campaigns have left, as facts of a purchase, and what a purchase uses of them (campaign_limits.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from token_service.program.basket import whole
from token_service.program.campaign_limits import limited, times_used
from token_service.program.earning import Award, campaign_points, running_campaigns
from token_service.program.facts import CampaignFacts, PurchaseFacts
from token_service.program.schema import Campaign, Ruleset

Uses = Mapping[str, Iterable[datetime]]
"""When the member's other purchases that keep points of a campaign occurred, by the campaign's id."""


def limited_and_running(ruleset: Ruleset, facts: PurchaseFacts) -> tuple[Campaign, ...]:
    """The limited campaigns that would give this purchase something, in the ruleset's order."""
    if all(campaign.limits is None for campaign in ruleset.campaigns):
        return ()
    return limited(running_campaigns(ruleset, whole(facts)))


def with_campaigns(
    ruleset: Ruleset, facts: PurchaseFacts, uses: Uses, left: Callable[[Campaign], int]
) -> PurchaseFacts:
    """The same facts with what those campaigns have left; `left` says the points of a budget. It is asked for no others."""
    zone = ruleset.program.time_zone

    def fact(campaign: Campaign) -> CampaignFacts:
        assert campaign.limits is not None
        per_member = campaign.limits.per_member
        times = (
            None if per_member is None else times_used(per_member, uses.get(campaign.id, ()), facts.occurred_at, zone)
        )
        return CampaignFacts(campaign.id, times, None if campaign.limits.budget_points is None else left(campaign))

    return replace(facts, campaigns=tuple(map(fact, limited_and_running(ruleset, facts))))


def points_used(facts: PurchaseFacts, award: Award) -> dict[str, int]:
    """What an award holds of each limited campaign; those of which it holds nothing are not named, and not used."""
    found = {campaign.id: campaign_points(award, campaign.id) for campaign in facts.campaigns}
    return {campaign_id: points for campaign_id, points in found.items() if points > 0}
