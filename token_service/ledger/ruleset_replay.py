"""What recorded purchases would keep under other rules, and what challenges would give with them: read, decided again with the
very same code, never written.

Each purchase is decided on its recorded facts, refunds included; only what the rules themselves decide is taken from the
other rules: the member's level at that moment, what the day's earlier purchases kept, and the visit, where they count
visits by their times. Purchases before the window count
towards levels and challenges as recorded. Events are not decided again, but count in challenges by the other rules; issuances
by hand count in the day where they did when they were given, and the other rules count them (`limits.count_manual`). Under the
rules that decided, a replay gives what was given; a refund counts from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from typing import Final

from sqlalchemy import Connection, case, func, select

from token_service.ledger.context import Context
from token_service.ledger.replayed_rows import Happened, Standing, happened, labels_of, refunds_of, standing, taken_back
from token_service.ledger.tables import operations
from token_service.program.campaign_uses import points_used, with_limits
from token_service.program.caps import Budget
from token_service.program.challenges import event_counts, purchase_counts
from token_service.program.completions import Stamps
from token_service.program.facts import PurchaseFacts, VisitFacts
from token_service.program.limits import recent_orders
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.ruleset import Ruleset
from token_service.program.segments import declared
from token_service.program.tiers import Qualification, qualification, tier_at
from token_service.program.visits import Visited, visit_of

PURCHASES_MAX: Final = 5_000
DECISIONS_MAX: Final = 100_000
"""Purchases × rules, campaigns and challenges that one replay decides at most: about two seconds."""
LOOKS_MAX: Final = 300_000
"""Purchases to decide × purchases of the same member, which levels are read from, that one replay looks at: some five seconds."""
DAYS_MAX: Final = 366
MEMBERS_A_READ: Final = 100
LOOKED_AT: Final = ("purchase", "event")


@dataclass(frozen=True, slots=True)
class ReplayedDay:
    """Points of one local date, as they were given and as the other rules would give them."""

    date: str
    given: int
    other: int


@dataclass(frozen=True, slots=True)
class Challenged:
    """What challenges gave: completions, their points, and vouchers."""

    times: int = 0
    points: int = 0
    vouchers: int = 0

    def __add__(self, more: Challenged) -> Challenged:
        return Challenged(self.times + more.times, self.points + more.points, self.vouchers + more.vouchers)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found. Points are what purchases keep after their refunds, and what challenges gave with them, which
    `given_challenges` and `other_challenges` name apart; `is_cut`: older purchases, or members with very long histories, were
    left out.
    """

    since: datetime
    purchases: int
    members: int
    given: int
    other: int
    given_challenges: Challenged
    other_challenges: Challenged
    gaining: int  # members
    losing: int
    days: tuple[ReplayedDay, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class _Came:
    """Points of a local date on both sides; of a purchase, or of challenges that were completed."""

    day: str
    given: int
    other: int
    is_purchase: bool = False
    given_challenges: Challenged = Challenged()
    other_challenges: Challenged = Challenged()


def replay_purchases(context: Context, ruleset: Ruleset, days: int) -> Replay:
    """The purchases of the last `days` (1 to 366) days, the newest PURCHASES_MAX of them, under `ruleset`. Members with so long a
    history that LOOKS_MAX would be passed are left out, the longest first.
    """
    since = context.now() - timedelta(days=min(max(1, days), DAYS_MAX))
    decided = len(ruleset.earning) + len(ruleset.campaigns) + len(ruleset.challenges) + 1
    most = min(PURCHASES_MAX, DECISIONS_MAX // decided)
    with context.store.read() as connection:
        first, count = _window(connection, since, most)
        totals, budgets = _Totals(), _Budgets()
        members, are_all = _members(connection, since, first)
        for chunk in _chunks(members):
            told = happened(connection, chunk, since, first, count_manual=bool(ruleset.limits.count_manual))
            labels = labels_of(connection, chunk) if ruleset.segments else {}
            recorded = _Recorded(
                refunds_of(connection, [one.id for one in told if one.facts is not None]),
                taken_back(connection, [one.id for one in told if one.event is not None]),
                standing(connection, ruleset, chunk),
            )
            for member_id, group in groupby(told, key=lambda one: one.member_id):
                segments = declared(ruleset, labels.get(member_id, ()))
                totals.add(_Replayed(ruleset, recorded, budgets, segments).of(member_id, list(group)))
    return totals.as_replay(since, is_cut=count > most or not are_all)


def _window(connection: Connection, since: datetime, most: int) -> tuple[int, int]:
    """(the sequence from which purchases are taken, how many there are up to one more than `most`)."""
    columns = operations.c
    query = select(columns.seq).where(columns.kind == "purchase", columns.occurred_at >= since)
    newest = list(connection.execute(query.order_by(columns.seq.desc()).limit(most + 1)).scalars())
    return (newest[:most][-1] if newest else 0), len(newest)


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
    """What some members' history says beside what happened: refunds by purchase, events that were taken back, challenges."""

    refunds: Mapping[str, tuple[Refund, ...]]
    taken_back: set[str]
    standing: Standing


@dataclass(slots=True)
class _Replayed:
    """One member under the other rules, thing by thing."""

    ruleset: Ruleset
    recorded: _Recorded
    budgets: _Budgets
    segments: tuple[str, ...]
    history: list[Qualification] = field(default_factory=list)
    day_points: dict[str, int] = field(default_factory=dict)
    uses: dict[str, list[datetime]] = field(default_factory=dict)
    visited: list[tuple[Happened, VisitFacts]] = field(default_factory=list)

    def of(self, member_id: str, told: Sequence[Happened]) -> Iterator[_Came]:
        """What came of each of the member's purchases in the window, and of challenges that they and events completed."""
        decided = {one.id for one in told if one.facts is not None or one.event is not None}
        stamps = self._stamps(member_id, told, decided)
        for one in told:
            if one.completes in decided:
                yield self._given(one)
                continue
            counts: dict[str, int] = {}
            if one.visit is not None and one.facts is None:
                self.visited.append((one, one.visit))
            if one.facts is None:
                self._keep(one.day, one.kept, one.counted)
                if one.event is not None and one.id not in self.recorded.taken_back:
                    counts = event_counts(self.ruleset, one.event)
            else:
                yield _Came(one.day, one.kept, self._decide(one, one.facts), is_purchase=True)
                counts = purchase_counts(self.ruleset, one.facts, self.recorded.refunds.get(one.id, ()))
            if counts:
                yield from self._complete(one, counts, stamps)

    def _stamps(self, member_id: str, told: Sequence[Happened], decided: set[str]) -> Stamps:
        """Where the member stood in challenges before the window."""
        again = {one.id for one in told if one.completes in decided}
        steps = self.recorded.standing.steps.get(member_id, ())
        given = self.recorded.standing.given.get(member_id, ())
        return Stamps.after(
            ((challenge_id, counted) for operation_id, challenge_id, counted in steps if operation_id not in decided),
            (subject for event_id, subject in given if event_id not in again),
        )

    def _given(self, one: Happened) -> _Came:
        """What a completion really gave, that is decided again."""
        stands = one.id in self.recorded.standing.events
        gave = Challenged(int(stands), one.kept, int(one.id in self.recorded.standing.vouchers))
        return _Came(one.day, one.kept, 0, given_challenges=gave)

    def _decide(self, one: Happened, facts: PurchaseFacts) -> int:
        """The points that a purchase keeps."""
        rules, at, back = self.ruleset, facts.occurred_at, self.recorded.refunds.get(one.id, ())
        member = replace(
            facts.member,
            tier=None if rules.tiers is None else tier_at(rules, self.history, at),
            day_points=self.day_points.get(one.day, 0),
            recent=recent_orders(rules, self.history, at),
            segments=self.segments,
        )
        facts = replace(facts, member=member, visit=self._visit(one, facts), campaigns=(), caps=())
        facts = with_limits(rules, facts, self.uses, self.budgets.left)
        award = keep_after_refund(rules, facts, back)
        for campaign_id, points in points_used(facts, award).items():
            self.uses.setdefault(campaign_id, []).append(at)
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

    def _complete(self, one: Happened, counts: Mapping[str, int], stamps: Stamps) -> Iterator[_Came]:
        """What a purchase or an event completes under the other rules."""
        at, left = one.recorded_at, self.budgets.left
        day = one.facts.local.date if one.facts is not None else one.day
        for done in stamps.count(self.ruleset, day, counts=counts, at=at, day_points=self.day_points, left=left):
            self.history.append(done.counts)
            for budget_id, points in done.used.items():
                self.budgets.use(budget_id, points)
            yield _Came(done.day, 0, done.points, other_challenges=Challenged(1, done.points, done.vouchers))

    def _keep(self, day: str, points: int, counts: Qualification) -> None:
        self.day_points[day] = self.day_points.get(day, 0) + points
        self.history.append(counts)


class _Budgets:
    """What campaigns and days have given in the replay, member by member: who gets the last points may differ, not how many
    there are.
    """

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def left(self, budget: Budget) -> int:
        return max(0, budget.points - self._used.get(budget.id, 0))

    def use(self, budget_id: str, points: int) -> None:
        self._used[budget_id] = self._used.get(budget_id, 0) + points


class _Totals:
    """Sums over members, one at a time."""

    def __init__(self) -> None:
        self.purchases = self.members = self.gaining = self.losing = 0
        self.days: dict[str, list[int]] = {}
        self.given_challenges = self.other_challenges = Challenged()

    def add(self, came: Iterable[_Came]) -> None:
        """One member's purchases and challenges."""
        change = count = purchases = 0
        for one in came:
            sums = self.days.setdefault(one.day, [0, 0])
            sums[0] += one.given
            sums[1] += one.other
            change += one.other - one.given
            purchases += one.is_purchase
            count += 1
            self.given_challenges += one.given_challenges
            self.other_challenges += one.other_challenges
        self.purchases += purchases
        self.members += count > 0
        self.gaining += change > 0
        self.losing += change < 0

    def as_replay(self, since: datetime, *, is_cut: bool) -> Replay:
        days = tuple(ReplayedDay(day, *self.days[day]) for day in sorted(self.days))
        return Replay(
            since=since,
            purchases=self.purchases,
            members=self.members,
            given=sum(day.given for day in days),
            other=sum(day.other for day in days),
            given_challenges=self.given_challenges,
            other_challenges=self.other_challenges,
            gaining=self.gaining,
            losing=self.losing,
            days=days,
            is_cut=is_cut,
        )
