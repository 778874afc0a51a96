"""What a replay under other rules (ruleset_replay.py) comes to: sums over members, one at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


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
    """What a replay found. Points are what purchases and events keep after refunds, and what challenges gave with them, which
    `given_challenges` and `other_challenges` name apart; `is_cut`: older purchases, or members with very long histories, were
    left out.
    """

    since: datetime
    purchases: int
    revenue: int  # minor units that the purchases brought, after refunds
    members: int
    given: int
    other: int
    given_challenges: Challenged
    other_challenges: Challenged
    given_events: int  # points, without those of challenges
    other_events: int
    given_rewards: Mapping[str, int]  # vouchers won, by reward
    other_rewards: Mapping[str, int]
    gaining: int  # members
    losing: int
    days: tuple[ReplayedDay, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Came:
    """Points of a local date on both sides; of a purchase, of an event, or of challenges that were completed."""

    day: str
    given: int
    other: int
    revenue: int = 0  # minor units
    is_purchase: bool = False
    is_event: bool = False
    given_challenges: Challenged = Challenged()
    other_challenges: Challenged = Challenged()
    given_reward: str | None = None
    other_reward: str | None = None


class Totals:
    """Sums over members, one at a time."""

    def __init__(self) -> None:
        self.purchases = self.revenue = self.members = self.gaining = self.losing = 0
        self.given_events = self.other_events = 0
        self.given_rewards: Counter[str] = Counter()
        self.other_rewards: Counter[str] = Counter()
        self.days: dict[str, list[int]] = {}
        self.given_challenges = self.other_challenges = Challenged()

    def add(self, came: Iterable[Came]) -> None:
        """One member's purchases and challenges."""
        change = count = purchases = 0
        for one in came:
            sums = self.days.setdefault(one.day, [0, 0])
            sums[0] += one.given
            sums[1] += one.other
            change += one.other - one.given
            purchases += one.is_purchase
            self.revenue += one.revenue
            count += 1
            self.given_challenges += one.given_challenges
            self.other_challenges += one.other_challenges
            self.given_events += one.given * one.is_event
            self.other_events += one.other * one.is_event
            self.given_rewards.update([one.given_reward] if one.given_reward else [])
            self.other_rewards.update([one.other_reward] if one.other_reward else [])
        self.purchases += purchases
        self.members += count > 0
        self.gaining += change > 0
        self.losing += change < 0

    def as_replay(self, since: datetime, *, is_cut: bool) -> Replay:
        days = tuple(ReplayedDay(day, *self.days[day]) for day in sorted(self.days))
        return Replay(
            since=since,
            purchases=self.purchases,
            revenue=self.revenue,
            members=self.members,
            given=sum(day.given for day in days),
            other=sum(day.other for day in days),
            given_challenges=self.given_challenges,
            other_challenges=self.other_challenges,
            given_events=self.given_events,
            other_events=self.other_events,
            given_rewards=dict(self.given_rewards),
            other_rewards=dict(self.other_rewards),
            gaining=self.gaining,
            losing=self.losing,
            days=days,
            is_cut=is_cut,
        )
