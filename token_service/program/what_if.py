"""What a history of purchases would have earned under some rules: decided one after the other by the very functions that decide
real ones, with levels, visits, limits, budgets and challenges as they would have come. Nothing is written anywhere.

Refunds, events and memberships are not part of a history; points count when they are earned, expiry aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from token_service.program.budgets import budget_points
from token_service.program.campaign_uses import decide_within_limits, points_used
from token_service.program.caps import CAPS, Budget
from token_service.program.challenges import purchase_counts
from token_service.program.completions import Stamps
from token_service.program.facts import (
    ItemFacts,
    MemberFacts,
    PurchaseFacts,
    local_time,
    member_age_days,
)
from token_service.program.limits import recent_orders
from token_service.program.rewards import value_of
from token_service.program.schema import Ruleset
from token_service.program.tiers import Qualification, qualification, tier_at
from token_service.program.visits import LastVisit, Visited, visit_of


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase of a history. Money in minor units."""

    member: str
    occurred_at: datetime
    total: int
    tax: int = 0
    shipping: int = 0
    discount: int = 0
    items: tuple[ItemFacts, ...] = ()
    channel: str | None = None
    store: str | None = None
    merchant: str = "merchant"


@dataclass(slots=True)
class Outcome:
    """What a history came to. Money in minor units; `cost` is what all points are worth at the rules' point value."""

    purchases: int = 0
    revenue: int = 0
    points: int = 0
    challenge_points: int = 0
    vouchers: int = 0
    cost: int = 0
    members: int = 0
    levels: Counter[str] = field(default_factory=Counter)  # of members after their last purchase
    by_rule: Counter[str] = field(default_factory=Counter)  # points, limits below zero
    by_month: dict[str, int] = field(default_factory=dict)  # points
    by_member: dict[str, int] = field(default_factory=dict)  # points


@dataclass(slots=True)
class _Member:
    first_at: datetime
    history: list[Qualification] = field(default_factory=list)
    day_points: dict[str, int] = field(default_factory=dict)
    visit: LastVisit | None = None
    visited: list[Visited] = field(default_factory=list)
    uses: dict[str, list[datetime]] = field(default_factory=dict)
    purchases: int = 0
    stamps: Stamps = field(default_factory=Stamps)


class History:
    """Decides purchases in the order in which they are told."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._members: dict[str, _Member] = {}
        self._spent: Counter[str] = Counter()
        self.outcome = Outcome()

    def tell(self, bought: Bought) -> int:
        """The points that the purchase earns, those of challenges that it completes included."""
        member = self._members.setdefault(bought.member, _Member(bought.occurred_at))
        facts = self._facts(member, bought)

        def left(budget: Budget) -> int:
            return max(0, budget.points - self._spent[budget.id])

        facts, award = decide_within_limits(self._ruleset, facts, lambda _some: member.uses, left)
        for budget_id, points in points_used(facts, award).items():
            member.uses.setdefault(budget_id, []).append(facts.occurred_at)
            self._spent[budget_id] += points
        for line in award.breakdown:
            self.outcome.by_rule[line.rule] += line.points
        day = facts.local.date
        member.day_points[day] = member.day_points.get(day, 0) + award.points
        member.history.append(qualification(facts, (), award.points))
        member.purchases += 1
        won = self._challenges(member, facts, left)
        member.visit = LastVisit(day, facts.visit)
        member.visited.append(Visited(facts.occurred_at, day, facts.visit))
        self._count(bought, facts, award.points, won)
        return award.points + won

    def finish(self, at: datetime) -> Outcome:
        """All of it, with each member's level at an instant."""
        out = self.outcome
        out.members = len(self._members)
        out.cost = value_of(self._ruleset, out.points)
        if self._ruleset.tiers is not None:
            out.levels = Counter(tier_at(self._ruleset, one.history, at) or "" for one in self._members.values())
        return out

    def _facts(self, member: _Member, bought: Bought) -> PurchaseFacts:
        rules, zone = self._ruleset, self._ruleset.program.time_zone
        local = local_time(bought.occurred_at, zone)
        return PurchaseFacts(
            occurred_at=bought.occurred_at,
            local=local,
            currency=rules.program.currency,
            total=bought.total,
            tax=bought.tax,
            shipping=bought.shipping,
            discount=bought.discount,
            paid_with_points=0,
            items=bought.items,
            channel=bought.channel,
            store=bought.store,
            merchant=bought.merchant,
            member=MemberFacts(
                tier=None if rules.tiers is None else tier_at(rules, member.history, bought.occurred_at),
                age_days=member_age_days(member.first_at, bought.occurred_at, zone),
                purchases=member.purchases,
                day_points=member.day_points.get(local.date, 0),
                recent=recent_orders(rules, member.history, bought.occurred_at),
            ),
            visit=visit_of(rules, member.visit, member.visited, bought.occurred_at, local),
        )

    def _challenges(self, member: _Member, facts: PurchaseFacts, left: Callable[[Budget], int]) -> int:
        """Points of what the purchase completes; vouchers are counted."""
        points = 0
        counts = purchase_counts(self._ruleset, facts)
        done = member.stamps.count(
            self._ruleset,
            facts.local.date,
            counts=counts,
            at=facts.occurred_at,
            day_points=member.day_points,
            left=left,
        )
        for one in done:
            points += one.points
            member.history.append(one.counts)
            for budget_id, used in one.used.items():
                self._spent[budget_id] += used
            self.outcome.by_rule[f"challenge:{one.challenge.id}"] += one.points
            self.outcome.vouchers += one.vouchers
        return points

    def _count(self, bought: Bought, facts: PurchaseFacts, points: int, won: int) -> None:
        out, month = self.outcome, facts.local.date[:7]
        out.purchases += 1
        out.revenue += bought.total
        out.points += points + won
        out.challenge_points += won
        out.by_month[month] = out.by_month.get(month, 0) + points + won
        out.by_member[bought.member] = out.by_member.get(bought.member, 0) + points + won


def what_if(ruleset: Ruleset, history: Iterable[Bought]) -> Outcome:
    """What these purchases, told in the order of their times, come to under the rules. Without a budget or a limit on everybody's
    day, which members share, they are told member by member: it comes to the same, and takes less time.
    """
    told = sorted(history, key=lambda one: one.occurred_at)
    last_at = told[-1].occurred_at if told else None
    has_budget = any(budget_points(ruleset, campaign.limits) for campaign in ruleset.campaigns)
    if not has_budget and all(getattr(ruleset.limits, name) is None for name in CAPS):
        told.sort(key=lambda one: one.member)
    replay = History(ruleset)
    for bought in told:
        replay.tell(bought)
    return replay.outcome if last_at is None else replay.finish(last_at)
