"""What recorded purchases would keep under other rules: read, decided again with the very same code, never written.

Each purchase is decided on its recorded facts, refunds included; only what the rules themselves decide is taken from the
other rules: the member's level at that moment and what the day's earlier purchases kept. Purchases before the window count
towards levels as recorded. Under the rules that decided, a replay gives what was given; a refund counts from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from typing import Any, Final

from sqlalchemy import Connection, case, func, select

from token_service.ledger.context import Context
from token_service.ledger.tables import members, operations, purchases
from token_service.program.campaign_uses import points_used, with_limits
from token_service.program.caps import Budget
from token_service.program.facts import PurchaseFacts
from token_service.program.limits import recent_orders
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.ruleset import Ruleset
from token_service.program.segments import declared
from token_service.program.tiers import Qualification, qualification, tier_at

PURCHASES_MAX: Final = 5_000
DECISIONS_MAX: Final = 100_000
"""Purchases × rules and campaigns that one replay decides at most: about two seconds."""
LOOKS_MAX: Final = 300_000
"""Purchases to decide × purchases of the same member, which levels are read from, that one replay looks at: some five seconds."""
DAYS_MAX: Final = 366
MEMBERS_A_READ: Final = 100


@dataclass(frozen=True, slots=True)
class ReplayedDay:
    """Points of one local date, as they were given and as the other rules would give them."""

    date: str
    given: int
    other: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found. Points are what purchases keep after their refunds; `is_cut`: older purchases, or members with very
    long histories, were left out.
    """

    since: datetime
    purchases: int
    members: int
    given: int
    other: int
    gaining: int  # members
    losing: int
    days: tuple[ReplayedDay, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class _Purchase:
    """`facts` None: before the window, counted as it was recorded."""

    id: str
    member_id: str
    day: str
    facts: PurchaseFacts | None
    kept: int
    counted: Qualification


def replay_purchases(context: Context, ruleset: Ruleset, days: int) -> Replay:
    """The purchases of the last `days` (1 to 366) days, the newest PURCHASES_MAX of them, under `ruleset`. Members with so long a
    history that LOOKS_MAX would be passed are left out, the longest first.
    """
    since = context.now() - timedelta(days=min(max(1, days), DAYS_MAX))
    most = min(PURCHASES_MAX, DECISIONS_MAX // (len(ruleset.earning) + len(ruleset.campaigns) + 1))
    with context.store.read() as connection:
        first, count = _window(connection, since, most)
        totals, budgets = _Totals(), _Budgets()
        members, are_all = _members(connection, since, first)
        for chunk in _chunks(members):
            bought = _purchases(connection, chunk, since, first)
            labels = _labels(connection, chunk) if ruleset.segments else {}
            refunds = _refunds(connection, [one.id for one in bought if one.facts is not None])
            for member_id, group in groupby(bought, key=lambda one: one.member_id):
                segments = declared(ruleset, labels.get(member_id, ()))
                totals.add(_member_under(ruleset, group, refunds, budgets, segments))
    return totals.as_replay(since, is_cut=count > most or not are_all)


def _window(connection: Connection, since: datetime, most: int) -> tuple[int, int]:
    """(the sequence from which purchases are taken, how many there are up to one more than `most`)."""
    columns = operations.c
    query = select(columns.seq).where(columns.kind == "purchase", columns.occurred_at >= since)
    newest = list(connection.execute(query.order_by(columns.seq.desc()).limit(most + 1)).scalars())
    return (newest[:most][-1] if newest else 0), len(newest)


def _members(connection: Connection, since: datetime, first: int) -> tuple[list[str], bool]:
    """(who bought in the window, in order, as far as LOOKS_MAX goes, shortest histories first; whether that is everybody)."""
    columns = operations.c
    is_purchase, is_in_window = columns.kind == "purchase", (columns.occurred_at >= since) & (columns.seq >= first)
    ids = select(columns.member_id).where(is_purchase, is_in_window)
    looks = func.count() * func.sum(case((is_in_window, 1), else_=0))
    query = select(columns.member_id, looks).where(is_purchase, columns.member_id.in_(ids)).group_by(columns.member_id)
    members = sorted(connection.execute(query), key=lambda row: (row[1], row.member_id))
    sums = accumulate(int(row[1]) for row in members)
    found = [row.member_id for row, looked in zip(members, sums, strict=True) if looked <= LOOKS_MAX]
    return sorted(found), len(found) == len(members)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), MEMBERS_A_READ):
        yield ids[start : start + MEMBERS_A_READ]


def _purchases(connection: Connection, member_ids: Sequence[str], since: datetime, first: int) -> list[_Purchase]:
    """Every purchase and event of these members in the order of recording; events count as they did, not decided again."""
    done, kept = operations.c, purchases.c
    query = (
        select(done.seq, done.kind, *purchases.c, done.facts)
        .join(purchases, kept.operation_id == done.id)
        .where(done.member_id.in_(member_ids), done.kind.in_(("purchase", "event")))
        .order_by(done.member_id, done.seq)
    )
    return [
        _purchase(row, is_in_window=row.kind == "purchase" and row.seq >= first and row.occurred_at >= since)
        for row in connection.execute(query)
    ]


def _labels(connection: Connection, member_ids: Sequence[str]) -> dict[str, list[str]]:
    """The segments that these members are in today."""
    columns = members.c
    query = select(columns.id, columns.segments).where(columns.id.in_(member_ids), columns.segments.is_not(None))
    return {row.id: row.segments.split() for row in connection.execute(query)}


def _purchase(row: Any, *, is_in_window: bool) -> _Purchase:
    return _Purchase(
        id=row.operation_id,
        member_id=row.member_id,
        day=row.local_date,
        facts=PurchaseFacts.from_json(row.facts) if is_in_window else None,
        kept=row.kept,
        counted=Qualification(
            at=row.occurred_at,
            spend=row.tier_spend_cents,
            points=row.tier_points,
            orders=row.tier_orders,
            engagement=row.tier_engagement,
        ),
    )


def _member_under(
    ruleset: Ruleset,
    bought: Iterable[_Purchase],
    refunds: Mapping[str, tuple[Refund, ...]],
    budgets: _Budgets,
    segments: tuple[str, ...],
) -> Iterator[tuple[str, int, int]]:
    """(local date, points kept, points kept under the other rules) of each of one member's purchases in the window."""
    history: list[Qualification] = []
    day_points: dict[str, int] = {}
    uses: dict[str, list[datetime]] = {}
    for one in bought:
        today = day_points.get(one.day, 0)
        if one.facts is None:
            history.append(one.counted)
            day_points[one.day] = today + one.kept
            continue
        tier = None if ruleset.tiers is None else tier_at(ruleset, history, one.facts.occurred_at)
        recent = recent_orders(ruleset, history, one.facts.occurred_at)
        member = replace(one.facts.member, tier=tier, day_points=today, recent=recent, segments=segments)
        facts = replace(one.facts, member=member, campaigns=(), caps=())
        facts = with_limits(ruleset, facts, uses, budgets.left)
        back = refunds.get(one.id, ())
        award = keep_after_refund(ruleset, facts, back)
        kept = award.points
        for campaign_id, points in points_used(facts, award).items():
            uses.setdefault(campaign_id, []).append(facts.occurred_at)
            budgets.use(campaign_id, points)
        history.append(qualification(facts, back, kept))
        day_points[one.day] = today + kept
        yield one.day, one.kept, kept


def _refunds(connection: Connection, purchase_ids: Sequence[str]) -> dict[str, tuple[Refund, ...]]:
    found: dict[str, tuple[Refund, ...]] = {}
    columns = operations.c
    for start in range(0, len(purchase_ids), 500):
        some = purchase_ids[start : start + 500]
        query = select(columns.parent_id, columns.facts).where(columns.parent_id.in_(some), columns.kind == "refund")
        for parent_id, facts in connection.execute(query.order_by(columns.seq)):
            found[parent_id] = (*found.get(parent_id, ()), Refund.from_json(facts["refund"]))
    return found


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

    def add(self, decided: Iterable[tuple[str, int, int]]) -> None:
        """One member's purchases: (local date, given, other)."""
        change = count = 0
        for day, given, other in decided:
            sums = self.days.setdefault(day, [0, 0])
            sums[0] += given
            sums[1] += other
            change += other - given
            count += 1
        self.purchases += count
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
            gaining=self.gaining,
            losing=self.losing,
            days=days,
            is_cut=is_cut,
        )
