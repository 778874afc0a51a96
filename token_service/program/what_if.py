"""What a history of purchases would have earned under some rules: decided one after the other by the very functions that decide
real ones, with levels, visits, limits, budgets and challenges as they would have come. Nothing is written anywhere.

Events are decided as they are told, those of the programme's own calendar as they fall due. Refunds and memberships are not part
of a history; points count when they are earned, expiry aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from token_service.program.budgets import budgeted, has_budget
from token_service.program.calendar_events import calendar_events
from token_service.program.campaign_uses import decide_within_limits, points_used
from token_service.program.caps import CAPS, Budget
from token_service.program.challenges import event_counts, purchase_counts
from token_service.program.completions import Stamps
from token_service.program.earning import Award
from token_service.program.event_facts import EventFacts
from token_service.program.events import RuleUse, decide_event_within_limits, event_qualification
from token_service.program.events import points_used as event_points_used
from token_service.program.facts import LocalTime, MemberFacts, PurchaseFacts, local_time, member_age_days
from token_service.program.limits import recent_orders
from token_service.program.rewards import value_of
from token_service.program.schedules import holds_for, schedule_of
from token_service.program.schema import SCHEDULED, Ruleset
from token_service.program.segments import declared
from token_service.program.tiers import Qualification, qualification, tier_at
from token_service.program.told import Bought, Occurred, Person, Told
from token_service.program.visits import LastVisit, Visited, visit_of
from token_service.program.voucher_costs import uncosted, voucher_cost


@dataclass(slots=True)
class Outcome:
    """What a history came to. Money in minor units; `cost` is what all points are worth at the rules' point value, and what
    vouchers cost that were won (voucher_costs.py), of which `uncosted` are left out.
    """

    purchases: int = 0
    events: int = 0
    revenue: int = 0
    points: int = 0
    event_points: int = 0
    challenge_points: int = 0
    vouchers: int = 0
    cost: int = 0
    voucher_cost: int = 0
    members: int = 0
    levels: Counter[str] = field(default_factory=Counter)  # of members after their last purchase
    by_rule: Counter[str] = field(default_factory=Counter)  # points, limits below zero
    by_month: dict[str, int] = field(default_factory=dict)  # points
    by_member: dict[str, int] = field(default_factory=dict)  # points
    by_reward: Counter[str] = field(default_factory=Counter)  # vouchers won
    uncosted: dict[str, int] = field(default_factory=dict)  # vouchers


@dataclass(slots=True)
class _Member:
    first_at: datetime
    segments: tuple[str, ...] = ()
    history: list[Qualification] = field(default_factory=list)
    day_points: dict[str, int] = field(default_factory=dict)
    visit: LastVisit | None = None
    visited: list[Visited] = field(default_factory=list)
    uses: dict[str, list[datetime]] = field(default_factory=dict)
    event_uses: dict[str, list[RuleUse]] = field(default_factory=dict)
    purchases: int = 0
    stamps: Stamps = field(default_factory=Stamps)


class History:
    """Decides purchases and events in the order in which they are told. `first_at`: since when members are known to be some;
    `people`: what else is known of them.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        first_at: Mapping[str, datetime] | None = None,
        people: Mapping[str, Person] | None = None,
    ) -> None:
        self._ruleset = ruleset
        known = {name: declared(ruleset, one.segments) for name, one in (people or {}).items()}
        self._members = {name: _Member(at, known.get(name, ())) for name, at in (first_at or {}).items()}
        self._spent: Counter[str] = Counter()
        self.outcome = Outcome()

    def tell(self, bought: Bought) -> int:
        """The points that the purchase earns, those of challenges that it completes included."""
        member = self._members.setdefault(bought.member, _Member(bought.occurred_at))
        facts, award = decide_within_limits(
            self._ruleset, self._facts(member, bought), lambda _some: member.uses, self._left
        )
        for budget_id, points in points_used(facts, award).items():
            member.uses.setdefault(budget_id, []).append(facts.occurred_at)
            self._spent[budget_id] += points
        day = self._keep(member, facts, award, qualification(facts, (), award.points))
        member.purchases += 1
        won = self._challenges(member, facts, purchase_counts(self._ruleset, facts))
        member.visit = LastVisit(day, facts.visit)
        member.visited.append(Visited(facts.occurred_at, day, facts.visit))
        self.outcome.purchases += 1
        self.outcome.revenue += bought.total
        self._count(bought, day, award.points, won)
        return award.points + won

    def tell_event(self, occurred: Occurred) -> int:
        """The points that the event earns, those of challenges that it completes included."""
        rules = self._ruleset
        member = self._members.setdefault(occurred.member, _Member(occurred.occurred_at))
        local = local_time(occurred.occurred_at, rules.program.time_zone)
        known = self._known(member, occurred.occurred_at, local)
        if occurred.event == SCHEDULED:
            schedule = schedule_of(rules, occurred.subject)
            if schedule is None or not holds_for(schedule, known):
                return 0
        facts, award = decide_event_within_limits(
            rules,
            EventFacts(occurred.occurred_at, local, occurred.event, occurred.subject, occurred.merchant, known),
            lambda _some: member.event_uses,
            self._left,
            lambda _rule: "new",
        )
        for budget_id, points in event_points_used(rules, facts, award).items():
            member.event_uses.setdefault(budget_id, []).append(RuleUse(facts.occurred_at, facts.subject))
            self._spent[budget_id] += points
        day = self._keep(member, facts, award, event_qualification(facts, award.points))
        won = self._challenges(member, facts, event_counts(rules, facts))
        self.outcome.events += 1
        self.outcome.event_points += award.points
        self._count(occurred, day, award.points, won)
        return award.points + won

    def finish(self, at: datetime) -> Outcome:
        """All of it, with each member's level at an instant."""
        out = self.outcome
        out.members = len(self._members)
        out.voucher_cost = voucher_cost(self._ruleset, out.by_reward)
        out.uncosted = uncosted(self._ruleset, out.by_reward)
        out.cost = value_of(self._ruleset, out.points) + out.voucher_cost
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
            member=self._known(member, bought.occurred_at, local),
            visit=visit_of(rules, member.visit, member.visited, bought.occurred_at, local),
        )

    def _known(self, member: _Member, at: datetime, local: LocalTime) -> MemberFacts:
        """The member just before something."""
        rules, zone = self._ruleset, self._ruleset.program.time_zone
        return MemberFacts(
            tier=None if rules.tiers is None else tier_at(rules, member.history, at),
            age_days=member_age_days(member.first_at, at, zone),
            purchases=member.purchases,
            day_points=member.day_points.get(local.date, 0),
            recent=recent_orders(rules, member.history, at),
            segments=member.segments,
        )

    def _left(self, budget: Budget) -> int:
        return max(0, budget.points - self._spent[budget.id])

    def _keep(self, member: _Member, facts: PurchaseFacts | EventFacts, award: Award, counts: Qualification) -> str:
        """Notes what an award gives and counts for; its local date."""
        for line in award.breakdown:
            self.outcome.by_rule[line.rule] += line.points
        day = facts.local.date
        member.day_points[day] = member.day_points.get(day, 0) + award.points
        member.history.append(counts)
        return day

    def _challenges(self, member: _Member, facts: PurchaseFacts | EventFacts, counts: Mapping[str, int]) -> int:
        """Points of what it completes by what it counts for; vouchers are counted."""
        points, out = 0, self.outcome
        done = member.stamps.count(
            self._ruleset,
            facts.local.date,
            counts=counts,
            at=facts.occurred_at,
            day_points=member.day_points,
            left=self._left,
            uses=member.event_uses,
        )
        for one in done:
            points += one.points
            member.history.append(one.counts)
            for budget_id, used in one.used.items():
                self._spent[budget_id] += used
            out.by_rule[f"challenge:{one.challenge.id}"] += one.points
            out.vouchers += one.vouchers
            if one.reward is not None:
                out.by_reward[one.reward] += 1
        return points

    def _count(self, told: Told, day: str, points: int, won: int) -> None:
        out, month = self.outcome, day[:7]
        out.points += points + won
        out.challenge_points += won
        out.by_month[month] = out.by_month.get(month, 0) + points + won
        out.by_member[told.member] = out.by_member.get(told.member, 0) + points + won


def what_if(
    ruleset: Ruleset,
    history: Iterable[Told],
    people: Mapping[str, Person] | None = None,
    watch: Callable[[Told, int], object] | None = None,
) -> Outcome:
    """What these purchases and events, told in the order of their times, come to under the rules, with what the calendar brings
    from the first of them to the last. Without a budget or a limit on everybody's day, which members share, they are told member
    by member: it comes to the same, and takes less time. `watch` is told the points of each thing as it is decided.
    """
    told, people = sorted(history, key=lambda one: one.occurred_at), people or {}
    if not told:
        return History(ruleset).outcome
    first_at = {name: one.joined_at for name, one in people.items() if one.joined_at is not None}
    for one in told:
        first_at.setdefault(one.member, one.occurred_at)
    since, until = told[0].occurred_at, told[-1].occurred_at
    due = sorted(calendar_events(ruleset, first_at, people, since, until), key=lambda one: one.occurred_at)
    everything = sorted((*due, *told), key=lambda one: one.occurred_at)
    if not any(has_budget(one.limits) for one in budgeted(ruleset)) and all(
        getattr(ruleset.limits, name) is None for name in CAPS
    ):
        everything.sort(key=lambda one: one.member)
    replay = History(ruleset, first_at, people)
    for thing in everything:
        points = replay.tell(thing) if isinstance(thing, Bought) else replay.tell_event(thing)
        if watch is not None:
            watch(thing, points)
    return replay.finish(until)
