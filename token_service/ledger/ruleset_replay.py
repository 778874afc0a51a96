"""What recorded purchases would keep under other rules, and what challenges would give with them: read, decided again with the
very same code, never written.

Each purchase is decided on its recorded facts, refunds included; only what the rules themselves decide is taken from the
other rules: the member's level at that moment, what the day's earlier purchases kept, and the visit, where they count
visits by their times. Events are decided again as purchases are, and what only the other rules' calendar brings
(replayed_events.py) comes to whoever is in the replay. What was before the window counts towards levels, challenges and limits of
each member as recorded; issuances by hand count in the day where they did when they were given, and the other rules count them
(`limits.count_manual`). Under the rules that decided, a replay gives what was given; a refund counts from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import accumulate, groupby
from typing import Final

from sqlalchemy import Connection, case, func, select

from token_service.ledger.context import Context
from token_service.ledger.replayed_events import Calendar, new_calendar, people_of, used_before, uses_of
from token_service.ledger.replayed_rows import (
    Happened,
    Standing,
    happened,
    labels_of,
    lapsed_of,
    refunds_of,
    standing,
    taken_back,
)
from token_service.ledger.replayed_totals import Came, Challenged, Replay, Totals
from token_service.ledger.rulesets import ruleset_in_force
from token_service.ledger.tables import operations
from token_service.program.campaign_uses import points_used, with_limits
from token_service.program.caps import Budget
from token_service.program.challenges import event_counts, purchase_counts
from token_service.program.completions import PROGRAM, Stamps
from token_service.program.earning import award_of
from token_service.program.event_facts import EventFacts
from token_service.program.events import RuleUse, decide_event_within_limits, event_qualification
from token_service.program.events import points_used as event_points_used
from token_service.program.facts import MemberFacts, PurchaseFacts, VisitFacts, local_time, member_age_days
from token_service.program.limits import recent_orders
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.schedules import holds_for, schedule_of
from token_service.program.schema import SCHEDULED
from token_service.program.segments import declared
from token_service.program.tiers import Qualification, qualification, tier_at
from token_service.program.told import Occurred
from token_service.program.visits import Visited, visit_of

PURCHASES_MAX: Final = 5_000
DECISIONS_MAX: Final = 100_000
"""Purchases × rules, campaigns and challenges that one replay decides at most: about two seconds."""
LOOKS_MAX: Final = 300_000
"""Purchases to decide × purchases of the same member, which levels are read from, that one replay looks at: some five seconds."""
DAYS_MAX: Final = 366
MEMBERS_A_READ: Final = 100
LOOKED_AT: Final = ("purchase", "event")


def replay_purchases(context: Context, ruleset: Ruleset, days: int) -> Replay:
    """The purchases of the last `days` (1 to 366) days, the newest PURCHASES_MAX of them, under `ruleset`. Members with so long a
    history that LOOKS_MAX would be passed are left out, the longest first.
    """
    since = context.now() - timedelta(days=min(max(1, days), DAYS_MAX))
    now = context.now()
    calendar = new_calendar(parse_ruleset(ruleset_in_force(context, now).document), ruleset)
    decided = len(ruleset.earning) + len(ruleset.campaigns) + len(ruleset.challenges) + 1
    most = min(PURCHASES_MAX, DECISIONS_MAX // decided)
    with context.store.read() as connection:
        first, count = _window(connection, since, most)
        totals, budgets = Totals(), _Budgets(used_before(connection, since, first))
        members, are_all = _members(connection, since, first)
        for chunk in _chunks(members):
            told = happened(connection, chunk, since, first, count_manual=bool(ruleset.limits.count_manual))
            labels = labels_of(connection, chunk) if ruleset.segments else {}
            people, uses = people_of(connection, chunk), uses_of(connection, chunk)
            due = calendar.due(people, since, now)
            recorded = _Recorded(
                refunds_of(connection, [one.id for one in told if one.facts is not None]),
                taken_back(connection, [one.id for one in told if one.event is not None]),
                standing(connection, ruleset, chunk),
                calendar,
                lapsed_of(connection, [one.id for one in told if one.facts is not None]),
            )
            for member_id, group in groupby(told, key=lambda one: one.member_id):
                segments = declared(ruleset, labels.get(member_id, ()))
                one = _Replayed(ruleset, recorded, budgets, segments, people[member_id][0])
                totals.add(one.of(member_id, list(group), uses.get(member_id, ()), due.get(member_id, ())))
    return totals.as_replay(since, is_cut=count > most or not are_all)


def _window(connection: Connection, since: datetime, most: int) -> tuple[int, int]:
    """(the sequence from which things are taken, 0 unless there are too many; how many purchases there are up to one more than
    `most`).
    """
    columns = operations.c
    query = select(columns.seq).where(columns.kind == "purchase", columns.occurred_at >= since)
    newest = list(connection.execute(query.order_by(columns.seq.desc()).limit(most + 1)).scalars())
    return (newest[most - 1] if len(newest) > most else 0), len(newest)


def _members(connection: Connection, since: datetime, first: int) -> tuple[list[str], bool]:
    """(who bought or did something else in the window, in order, as far as LOOKS_MAX goes, shortest histories first; whether that
    is everybody).
    """
    columns = operations.c
    is_looked_at, is_in_window = columns.kind.in_(LOOKED_AT), (columns.occurred_at >= since) & (columns.seq >= first)
    ids = select(columns.member_id).where(is_looked_at, is_in_window)
    looks = func.count() * func.sum(case((is_in_window, 1), else_=0))
    query = select(columns.member_id, looks).where(is_looked_at, columns.member_id.in_(ids)).group_by(columns.member_id)
    members = sorted(connection.execute(query), key=lambda row: (row[1], row.member_id))
    sums = accumulate(int(row[1]) for row in members)
    found = [row.member_id for row, looked in zip(members, sums, strict=True) if looked <= LOOKS_MAX]
    return sorted(found), len(found) == len(members)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), MEMBERS_A_READ):
        yield ids[start : start + MEMBERS_A_READ]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What some members' history says beside what happened: refunds by purchase, events that were taken back, challenges,
    which bonuses of the calendar come anew, and purchases that nobody delivered.
    """

    refunds: Mapping[str, tuple[Refund, ...]]
    taken_back: set[str]
    standing: Standing
    calendar: Calendar
    lapsed: set[str]


@dataclass(slots=True)
class _Replayed:
    """One member under the other rules, thing by thing."""

    ruleset: Ruleset
    recorded: _Recorded
    budgets: _Budgets
    segments: tuple[str, ...]
    joined_at: datetime
    purchases: int = 0
    history: list[Qualification] = field(default_factory=list)
    day_points: dict[str, int] = field(default_factory=dict)
    uses: dict[str, list[RuleUse]] = field(default_factory=dict)
    visited: list[tuple[Happened, VisitFacts]] = field(default_factory=list)

    def of(
        self,
        member_id: str,
        told: Sequence[Happened],
        uses: Iterable[tuple[str, str, RuleUse]],
        due: Sequence[Occurred],
    ) -> Iterator[Came]:
        """What came of each of the member's purchases and events in the window, and of challenges that they completed."""
        decided = {one.id for one in told if one.facts is not None or one.event is not None}
        stamps = self._stamps(member_id, told, decided)
        again = decided | {one.id for one in told if one.completes in decided}
        for operation_id, rule_id, use in uses:
            if operation_id not in again:
                self.uses.setdefault(rule_id, []).append(use)
        everything: Iterator[Occurred | Happened] = merge(due, told, key=_told_at)
        for one in everything:
            if isinstance(one, Occurred):
                yield from self._falls_due(one, stamps)
            elif one.completes in decided:
                yield self._given(one)
            else:
                yield from self._again(one, stamps)

    def _again(self, one: Happened, stamps: Stamps) -> Iterator[Came]:
        """What came of one recorded thing."""
        counts: dict[str, int] = {}
        if one.facts is not None:
            back = self.recorded.refunds.get(one.id, ())
            revenue = one.facts.total - sum(refund.total for refund in back)
            yield Came(one.day, one.kept, self._decide(one, one.facts), revenue=revenue, is_purchase=True)
            counts = purchase_counts(self.ruleset, one.facts, back)
        elif one.event is None or one.id in self.recorded.taken_back:
            self._keep(one.day, one.kept, one.counted)
        elif self.recorded.calendar.replaces(one.event.event, one.event.subject):
            yield Came(one.day, one.kept, 0, is_event=True)
        else:
            yield Came(one.day, one.kept, self._decide_event(one.event), is_event=True)
            counts = event_counts(self.ruleset, one.event)
        if one.visit is not None and one.facts is None:
            self.visited.append((one, one.visit))
        self.purchases += one.counted.orders
        if counts:
            yield from self._complete(one.recorded_at, one.day, counts, stamps)

    def _falls_due(self, one: Occurred, stamps: Stamps) -> Iterator[Came]:
        """What comes by the other rules' calendar alone."""
        rules, at = self.ruleset, one.occurred_at
        local = local_time(at, rules.program.time_zone)
        age = member_age_days(self.joined_at, at, rules.program.time_zone)
        facts = EventFacts(at, local, one.event, one.subject, PROGRAM, MemberFacts(None, age, self.purchases, 0))
        schedule = schedule_of(rules, one.subject) if one.event == SCHEDULED else None
        if schedule is None or holds_for(schedule, self._member(facts)):
            yield Came(local.date, 0, self._decide_event(facts), is_event=True)
            if counts := event_counts(rules, facts):
                yield from self._complete(at, local.date, counts, stamps)

    def _decide_event(self, facts: EventFacts) -> int:
        """The points of an event."""
        person = facts.person or "new"
        facts = replace(facts, member=self._member(facts), limits=(), seen=(), person=None, caps=())
        facts, award = decide_event_within_limits(
            self.ruleset, facts, lambda _rules: self.uses, self.budgets.left, lambda _rule: person
        )
        for budget_id, points in event_points_used(self.ruleset, facts, award).items():
            self.uses.setdefault(budget_id, []).append(RuleUse(facts.occurred_at, facts.subject))
            self.budgets.use(budget_id, points)
        self._keep(facts.local.date, award.points, event_qualification(facts, award.points))
        return award.points

    def _member(self, facts: PurchaseFacts | EventFacts) -> MemberFacts:
        """The member just before something, under the other rules."""
        rules, at = self.ruleset, facts.occurred_at
        return replace(
            facts.member,
            tier=None if rules.tiers is None else tier_at(rules, self.history, at),
            day_points=self.day_points.get(facts.local.date, 0),
            segments=self.segments,
        )

    def _stamps(self, member_id: str, told: Sequence[Happened], decided: set[str]) -> Stamps:
        """Where the member stood in challenges before the window."""
        again = {one.id for one in told if one.completes in decided}
        steps = self.recorded.standing.steps.get(member_id, ())
        given = self.recorded.standing.given.get(member_id, ())
        return Stamps.after(
            ((challenge_id, counted) for operation_id, challenge_id, counted in steps if operation_id not in decided),
            (subject for event_id, subject in given if event_id not in again),
        )

    def _given(self, one: Happened) -> Came:
        """What a completion really gave, that is decided again."""
        stands = one.id in self.recorded.standing.events
        reward = self.recorded.standing.vouchers.get(one.id)
        gave = Challenged(int(stands), one.kept, int(reward is not None))
        return Came(one.day, one.kept, 0, given_challenges=gave, given_reward=reward)

    def _decide(self, one: Happened, facts: PurchaseFacts) -> int:
        """The points that a purchase keeps."""
        rules, at, back = self.ruleset, facts.occurred_at, self.recorded.refunds.get(one.id, ())
        member = replace(self._member(facts), recent=recent_orders(rules, self.history, at))
        facts = replace(facts, member=member, visit=self._visit(one, facts), campaigns=(), caps=())
        times = {name: [use.at for use in uses] for name, uses in self.uses.items()}
        facts = with_limits(rules, facts, times, self.budgets.left)
        award = award_of(()) if one.id in self.recorded.lapsed else keep_after_refund(rules, facts, back)
        for campaign_id, points in points_used(facts, award).items():
            self.uses.setdefault(campaign_id, []).append(RuleUse(at, None))
            self.budgets.use(campaign_id, points)
        self._keep(one.day, award.points, qualification(facts, back, award.points))
        return award.points

    def _visit(self, one: Happened, facts: PurchaseFacts) -> VisitFacts:
        """The visit as it was recorded; under rules that count them by their times, by what was kept at that moment."""
        if self.ruleset.visits is None:
            return facts.visit
        earlier = [
            Visited(other.counted.at, other.day, visit, is_kept=other.gone_seq is None or other.gone_seq > one.seq)
            for other, visit in self.visited
        ]
        visit = visit_of(self.ruleset, None, earlier, facts.occurred_at, facts.local)
        self.visited.append((one, visit))
        return visit

    def _complete(self, at: datetime, day: str, counts: Mapping[str, int], stamps: Stamps) -> Iterator[Came]:
        """What something of a local date, recorded at an instant, completes under the other rules."""
        left = self.budgets.left
        for done in stamps.count(
            self.ruleset, day, counts=counts, at=at, day_points=self.day_points, left=left, uses=self.uses
        ):
            self.history.append(done.counts)
            for budget_id, points in done.used.items():
                self.budgets.use(budget_id, points)
            won, reward = Challenged(1, done.points, done.vouchers), done.reward
            yield Came(done.day, 0, done.points, other_challenges=won, other_reward=reward)

    def _keep(self, day: str, points: int, counts: Qualification) -> None:
        self.day_points[day] = self.day_points.get(day, 0) + points
        self.history.append(counts)


def _told_at(one: Occurred | Happened) -> datetime:
    return one.occurred_at if isinstance(one, Occurred) else one.recorded_at


class _Budgets:
    """What campaigns, rules and days gave before, and have given in the replay, member by member: who gets the last points may
    differ, not how many there are.
    """

    def __init__(self, used: Mapping[str, int]) -> None:
        self._used = dict(used)

    def left(self, budget: Budget) -> int:
        return max(0, budget.points - self._used.get(budget.id, 0))

    def use(self, budget_id: str, points: int) -> None:
        self._used[budget_id] = self._used.get(budget_id, 0) + points
