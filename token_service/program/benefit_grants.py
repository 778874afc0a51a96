"""What grants a member a benefit at an instant, and how much of each grant is left (docs/rulesets.md "benefits").

A use counts against every grant of its benefit, so grants that stand side by side do not add up: the one with the most left
counts, and one without a limit before all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from token_service.program.action_schema import PerMember
from token_service.program.award_schema import BenefitAward
from token_service.program.campaign_limits import times_used
from token_service.program.conditions import holds, prepared
from token_service.program.durations import add, start_of_day
from token_service.program.earning import runs_on
from token_service.program.facts import LocalTime, MemberFacts
from token_service.program.memberships import Period, held_at
from token_service.program.schema import Campaign, GrantedBenefit, LimitedBenefit, Ruleset, benefit_id
from token_service.program.tiers import Standing

GrantedBy = Literal["tier", "membership", "campaign"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose benefits are asked for, and when; `uses` are the instants of each benefit's earlier uses that stand."""

    at: datetime
    local: LocalTime
    member: MemberFacts
    standing: Standing
    periods: tuple[Period, ...]
    uses: Mapping[str, Sequence[datetime]]


@dataclass(frozen=True, slots=True)
class Grant:
    """One reason why a member may use a benefit, `until` when, if that is known. With a `limit`, uses before `since` don't count,
    and all is free again at `renews_at`.
    """

    by: GrantedBy
    id: str
    until: datetime | None
    limit: PerMember | None = None
    since: datetime | None = None
    renews_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """A grant and what is left of it: `used` times, `left` more (None: any number), the next of them free again at `next_at`."""

    grant: Grant
    used: int
    left: int | None
    next_at: datetime | None

    @property
    def may_use(self) -> bool:
        """Whether it may be used now."""
        return self.left is None or self.left > 0


def best_allowance(ruleset: Ruleset, holder: Holder, benefit: str) -> Allowance | None:
    """The most generous of what grants the benefit: without a limit, then with the most left, then what is free again soonest;
    among equals the level before memberships before campaigns. None if nothing grants it.
    """
    found = [_allowance(ruleset, holder, benefit, grant) for grant in grants_of(ruleset, holder, benefit)]
    return min(found, key=_generosity, default=None)


def _generosity(one: Allowance) -> tuple[bool, int, bool, float]:
    waits = 0.0 if one.left or one.next_at is None else one.next_at.timestamp()
    is_over = one.left == 0 and one.next_at is None
    return one.left is not None, -(one.left or 0), is_over, waits


def grants_of(ruleset: Ruleset, holder: Holder, benefit: str) -> Iterator[Grant]:
    """All that grants the benefit now: the level, then memberships, the one that is paid longest first, then campaigns."""
    for level in ruleset.tiers.levels if ruleset.tiers else ():
        found = entry_of(level.benefits, benefit) if level.id == holder.standing.tier else None
        if found is not None:
            yield Grant("tier", level.id, holder.standing.keeps_until, _limit(found))
    by_id = {one.id: one for one in ruleset.memberships}
    for held in sorted(held_at(holder.periods, holder.at), key=lambda one: one.until, reverse=True):
        found = entry_of(by_id[held.id].benefits, benefit) if held.id in by_id else None
        if found is not None:
            yield _of_membership(holder, held.id, held.until, _limit(found))
    for campaign in benefit_campaigns(ruleset, benefit):
        if runs_on(campaign, holder.local.date) and _holds(campaign, holder):
            yield _of_campaign(ruleset, campaign)


def benefit_campaigns(ruleset: Ruleset, benefit: str) -> tuple[Campaign, ...]:
    """The campaigns that give the benefit at some time to some members."""
    return tuple(
        one for one in ruleset.campaigns if isinstance(one.award, BenefitAward) and one.award.benefit == benefit
    )


def entry_of(benefits: Sequence[GrantedBenefit], benefit: str) -> str | LimitedBenefit | None:
    """What a level's or a membership's list says of the benefit; None where it does not name it."""
    return next((one for one in benefits if benefit_id(one) == benefit), None)


def condition_facts_of(holder: Holder) -> dict[str, dict[str, Any]]:
    """What the conditions of campaigns that give benefits may read: the member and the time."""
    member, local = holder.member, holder.local
    return {
        "member": {
            "tier": member.tier,
            "age_days": member.age_days,
            "purchases": member.purchases,
            "memberships": list(member.memberships),
            "segments": list(member.segments),
        },
        "visit": {name: getattr(local, name) for name in local.__slots__},
    }


def _limit(found: str | LimitedBenefit) -> LimitedBenefit | None:
    return found if isinstance(found, LimitedBenefit) else None


def _of_membership(holder: Holder, membership: str, until: datetime, limit: PerMember | None) -> Grant:
    if limit is None or limit.every is not None:
        return Grant("membership", membership, until, limit)
    own = [one for one in holder.periods if one.membership == membership and one.ended_at is None]
    begun = max(one.starts_at for one in own if one.holds(holder.at))
    renews_at = min((one.starts_at for one in own if one.starts_at > holder.at), default=None)
    return Grant("membership", membership, until, limit, since=begun, renews_at=renews_at)


def _of_campaign(ruleset: Ruleset, campaign: Campaign) -> Grant:
    zone = ruleset.program.time_zone
    since = None if campaign.starts is None else start_of_day(campaign.starts, zone)
    until = None if campaign.until is None else start_of_day(campaign.until + timedelta(days=1), zone)
    limit = None if campaign.limits is None else campaign.limits.per_member
    return Grant("campaign", campaign.id, until, limit, since=since)


def _holds(campaign: Campaign, holder: Holder) -> bool:
    return campaign.when is None or holds(campaign.when, prepared(condition_facts_of(holder), (campaign.when,)))


def _allowance(ruleset: Ruleset, holder: Holder, benefit: str, grant: Grant) -> Allowance:
    uses, limit, zone = holder.uses.get(benefit, ()), grant.limit, ruleset.program.time_zone
    if limit is None:
        return Allowance(grant, len(uses), None, None)
    counted = [use for use in uses if grant.since is None or use >= grant.since]
    used = times_used(limit, counted, holder.at, zone)
    next_at = grant.renews_at
    if limit.every is not None and used:
        ends = sorted(end for use in counted if (end := add(use, limit.every, zone)) > holder.at)
        next_at = ends[max(0, used - limit.times)]
        if grant.by == "campaign" and grant.until is not None and next_at >= grant.until:
            next_at = None
    return Allowance(grant, used, max(0, limit.times - used), next_at if used else None)
