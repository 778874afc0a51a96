"""What a member may use beside points, and why: free shipping, a lounge, a sale before the others; and one use of it.

What grants a benefit and how much of it is left: benefit_grants.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from token_service.errors import BenefitUsedUp, CampaignNeeded, MembershipNeeded, NotFound, Refused, TierNeeded
from token_service.program.award_schema import BenefitAward
from token_service.program.benefit_grants import (
    Allowance,
    GrantedBy,
    Holder,
    benefit_campaigns,
    best_allowance,
    entry_of,
)
from token_service.program.schema import Ruleset, benefit_id
from token_service.program.tiers import levels_above


@dataclass(frozen=True, slots=True)
class BenefitStanding:
    """One benefit for one member. `tier` grants it, until `until` if that level is on its way down; or `membership`, until the
    end of what is paid; or `campaign`, until its end; or `needs_tier` would, and `missing` (cents, points or orders, as levels
    are counted) leads there; or one of `needs_memberships` or `needs_campaigns`, those that are not over. `needs` is the first
    of these kinds that there is.

    It may be used `times` in all, or in any stretch of `every`; `used` of them are, `left` are not, and the next is free again
    at `next_at`. Without a limit, and without a grant, `used` counts every use.
    """

    id: str
    is_granted: bool
    tier: str | None
    until: datetime | None
    needs_tier: str | None
    missing: int | None
    membership: str | None = None
    needs_memberships: tuple[str, ...] = ()
    campaign: str | None = None
    needs_campaigns: tuple[str, ...] = ()
    needs: GrantedBy = "tier"
    times: int | None = None
    every: str | None = None
    used: int = 0
    left: int | None = None
    next_at: datetime | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether it is granted, and was used as often as it may be."""
        return self.is_granted and self.left == 0

    @property
    def reason(self) -> str:
        """Why it may be used, or not: `tier`, `membership`, `campaign`; `used_up`; or what it needs."""
        if self.is_granted:
            return "used_up" if self.is_used_up else self.granted_by
        return f"{self.needs}_needed"

    @property
    def granted_by(self) -> str:
        """The kind of what grants it."""
        if self.tier is not None:
            return "tier"
        return "membership" if self.membership is not None else "campaign"


@dataclass(frozen=True, slots=True)
class UseDecision:
    """What granted a use, and what is left behind it: the rules' answer, recorded with the use."""

    granted_by: str
    grant: str
    times: int | None
    every: str | None
    used: int
    left: int | None

    def to_json(self) -> dict[str, Any]:
        """The decision as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def benefit_ids_of(ruleset: Ruleset) -> tuple[str, ...]:
    """Every benefit that any level, membership or campaign has, in that order, each once."""
    lists = [*(level.benefits for level in (ruleset.tiers.levels if ruleset.tiers else ()))]
    lists += [one.benefits for one in ruleset.memberships]
    named = [benefit_id(granted) for benefits in lists for granted in benefits]
    named += [one.award.benefit for one in ruleset.campaigns if isinstance(one.award, BenefitAward)]
    return tuple(dict.fromkeys(named))


def benefits_of(ruleset: Ruleset, holder: Holder) -> tuple[BenefitStanding, ...]:
    """Every benefit as it stands for the member now."""
    return tuple(benefit_of(ruleset, holder, benefit) for benefit in benefit_ids_of(ruleset))


def benefit_of(ruleset: Ruleset, holder: Holder, benefit: str) -> BenefitStanding:
    """One of them."""
    best = best_allowance(ruleset, holder, benefit)
    if best is not None:
        return _granted(benefit, best)
    memberships = tuple(one.id for one in ruleset.memberships if entry_of(one.benefits, benefit) is not None)
    campaigns = tuple(
        one.id
        for one in benefit_campaigns(ruleset, benefit)
        if one.until is None or holder.local.date <= one.until.isoformat()
    )
    higher = [
        level for level in levels_above(ruleset, holder.standing.tier) if entry_of(level.benefits, benefit) is not None
    ]  # without one only a lower level has it, which is behind the member, or memberships and campaigns do
    needs: GrantedBy = "tier" if higher else "membership" if memberships else _otherwise(ruleset, benefit)
    needs_tier = higher[0].id if higher else None
    missing = higher[0].threshold - holder.standing.figure if higher else None
    return BenefitStanding(
        benefit,
        False,
        None,
        None,
        needs_tier,
        missing,
        needs_memberships=memberships,
        needs_campaigns=campaigns,
        needs=needs,
        used=len(holder.uses.get(benefit, ())),
    )


def decide_use(ruleset: Ruleset, holder: Holder, benefit: str) -> UseDecision:
    """What lets the member use the benefit now, and what is left behind that.

    Raises NotFound for a benefit that the rules don't have, TierNeeded, MembershipNeeded, CampaignNeeded, BenefitUsedUp.
    """
    if benefit not in benefit_ids_of(ruleset):
        raise NotFound("the rules in force have no such benefit")
    standing = benefit_of(ruleset, holder, benefit)
    if not standing.is_granted or standing.is_used_up:
        raise _refusal(standing)
    grant = standing.tier or standing.membership or standing.campaign
    assert grant is not None
    left = None if standing.left is None else standing.left - 1
    return UseDecision(standing.granted_by, grant, standing.times, standing.every, standing.used + 1, left)


def _otherwise(ruleset: Ruleset, benefit: str) -> GrantedBy:
    """What would grant a benefit that no higher level and no membership has: a lower level, or campaigns alone."""
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    return "tier" if any(entry_of(level.benefits, benefit) is not None for level in levels) else "campaign"


def _granted(benefit: str, best: Allowance) -> BenefitStanding:
    grant, limit = best.grant, best.grant.limit
    return BenefitStanding(
        benefit,
        True,
        grant.id if grant.by == "tier" else None,
        grant.until,
        None,
        None,
        membership=grant.id if grant.by == "membership" else None,
        campaign=grant.id if grant.by == "campaign" else None,
        times=None if limit is None else limit.times,
        every=None if limit is None else limit.every,
        used=best.used,
        left=best.left,
        next_at=best.next_at,
    )


def _refusal(standing: BenefitStanding) -> Refused:
    if standing.is_used_up:
        return BenefitUsedUp(
            "the benefit was used as often as it may be",
            times=standing.times,
            every=standing.every,
            used=standing.used,
            next_at=standing.next_at,
        )
    if standing.reason == "membership_needed":
        return MembershipNeeded("the benefit comes with a membership", memberships=list(standing.needs_memberships))
    if standing.reason == "campaign_needed":
        detail = "the benefit comes with an offer that is not on, or not for this member"
        return CampaignNeeded(detail, campaigns=list(standing.needs_campaigns))
    return TierNeeded(
        "the benefit comes with another level",
        tier=standing.needs_tier,
        missing=standing.missing,
        memberships=list(standing.needs_memberships),
    )
