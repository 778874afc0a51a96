"""What a member's level lets them use beside points, and why: free shipping, a lounge, a sale before the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.program.schema import Ruleset
from token_service.program.tiers import Standing


@dataclass(frozen=True, slots=True)
class BenefitStanding:
    """One benefit for one member. `tier` grants it, until `until` if that level is on its way down; or `needs_tier` would, and
    `missing` (cents, points or orders, as levels are counted) leads there.
    """

    id: str
    is_granted: bool
    tier: str | None
    until: datetime | None
    needs_tier: str | None
    missing: int | None


def benefits_of(ruleset: Ruleset, standing: Standing) -> tuple[BenefitStanding, ...]:
    """Every benefit that any level has, in the order of levels, each once."""
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    ids = dict.fromkeys(benefit for level in levels for benefit in level.benefits)
    return tuple(_benefit(ruleset, standing, benefit) for benefit in ids)


def _benefit(ruleset: Ruleset, standing: Standing, benefit: str) -> BenefitStanding:
    if benefit in standing.benefits:
        return BenefitStanding(benefit, True, standing.tier, standing.keeps_until, None, None)
    assert ruleset.tiers is not None
    higher = [
        level for level in ruleset.tiers.levels if level.threshold > standing.figure and benefit in level.benefits
    ]
    if not higher:  # only a lower level has it: that one is behind the member
        return BenefitStanding(benefit, False, None, None, None, None)
    return BenefitStanding(benefit, False, None, None, higher[0].id, higher[0].threshold - standing.figure)
