"""What a programme is made of: points, paid memberships, exclusive benefits; any of them alone, or together."""

from __future__ import annotations

from token_service.program.award_schema import BenefitAward, BonusAward, GiftAward
from token_service.program.schema import Ruleset


def gives_points(ruleset: Ruleset) -> bool:
    """Whether anything in the rules gives points; without, nobody need hear of them."""
    return bool(
        ruleset.earning
        or ruleset.schedules
        or any(one.points for one in ruleset.memberships)
        or any(one.award.points for one in ruleset.challenges)
        or any(isinstance(campaign.award, BonusAward) for campaign in ruleset.campaigns)
    )


def gives_anything(ruleset: Ruleset) -> bool:
    """Whether a member gets anything by the rules."""
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    others = ruleset.memberships or ruleset.challenges or any(level.benefits for level in levels)
    offers = any(isinstance(campaign.award, BenefitAward | GiftAward) for campaign in ruleset.campaigns)
    return gives_points(ruleset) or bool(others) or offers
