"""What a member's level or membership lets them use beside points, and why: free shipping, a lounge, a sale before the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.program.memberships import Held
from token_service.program.schema import Ruleset
from token_service.program.tiers import Standing


@dataclass(frozen=True, slots=True)
class BenefitStanding:
    """One benefit for one member. `tier` grants it, until `until` if that level is on its way down; or `membership`, until the
    end of what is paid; or `needs_tier` would, and `missing` (cents, points or orders, as levels are counted) leads there; or
    one of `needs_memberships`.
    """

    id: str
    is_granted: bool
    tier: str | None
    until: datetime | None
    needs_tier: str | None
    missing: int | None
    membership: str | None = None
    needs_memberships: tuple[str, ...] = ()


def benefits_of(ruleset: Ruleset, standing: Standing, held: tuple[Held, ...] = ()) -> tuple[BenefitStanding, ...]:
    """Every benefit that any level or membership has, in the order of levels, then memberships, each once."""
    by_level = [benefit for level in (ruleset.tiers.levels if ruleset.tiers else ()) for benefit in level.benefits]
    ids = dict.fromkeys((*by_level, *(benefit for one in ruleset.memberships for benefit in one.benefits)))
    return tuple(_benefit(ruleset, standing, held, benefit) for benefit in ids)


def _benefit(ruleset: Ruleset, standing: Standing, held: tuple[Held, ...], benefit: str) -> BenefitStanding:
    if benefit in standing.benefits:
        return BenefitStanding(benefit, True, standing.tier, standing.keeps_until, None, None)
    granting = [one.id for one in ruleset.memberships if benefit in one.benefits]
    mine = max((one for one in held if one.id in granting), key=lambda one: one.until, default=None)
    if mine is not None:
        return BenefitStanding(benefit, True, None, mine.until, None, None, membership=mine.id)
    higher = [
        level
        for level in (ruleset.tiers.levels if ruleset.tiers else ())
        if level.threshold > standing.figure and benefit in level.benefits
    ]
    if not higher:  # only a lower level has it, which is behind the member, or memberships
        return BenefitStanding(benefit, False, None, None, None, None, needs_memberships=tuple(granting))
    missing = higher[0].threshold - standing.figure
    return BenefitStanding(benefit, False, None, None, higher[0].id, missing, needs_memberships=tuple(granting))
