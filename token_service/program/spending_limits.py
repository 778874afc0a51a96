"""What bounds the spending of points (docs/rulesets.md "redemption"): the least and the most of an amount, its steps, a member's
day, and the time between two.

`min_points`, `max_points` and `step_points` are about an amount that somebody names; a reward has its own price. The day and the
time between two count both, holds included, from when they were asked for; what came back counts no more. Gifts to a cause are no
spending.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from token_service.errors import LimitExceeded
from token_service.program.durations import add, long_before, start_of_day
from token_service.program.facts import local_time
from token_service.program.limits_schema import RedemptionLimits
from token_service.program.schema import Ruleset


@dataclass(frozen=True, slots=True)
class Spent:
    """Points that the member spent or set aside, without what came back, and when they asked for it."""

    at: datetime
    points: int


@dataclass(frozen=True, slots=True)
class Bound:
    """Which limit speaks against it: `key` of the rules, its `limit`; what a day has `remaining`, how many points are missing
    to the least or the next step, or how many are too many; when it would be `possible_at`.
    """

    reason: str
    key: str
    limit: int | str
    remaining: int | None = None
    missing_points: int | None = None
    possible_at: datetime | None = None
    excess_points: int | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What an answer says of it, without what does not apply."""
        said: dict[str, Any] = {"reason": self.reason, "key": self.key, "limit": self.limit}
        more = {
            "remaining": self.remaining,
            "missing_points": self.missing_points,
            "excess_points": self.excess_points,
        }
        said |= {name: value for name, value in more.items() if value is not None}
        return said if self.possible_at is None else said | {"possible_at": self.possible_at.isoformat()}


_SAID = {
    "too_few": "Fewer points than this cannot be spent at once.",
    "too_many": "More points than this cannot be spent at once.",
    "no_step": "Points are spent in whole steps.",
    "day_spent": "The member would spend more points than a day allows.",
    "too_soon": "The member has spent points just now.",
}


def check_spending(ruleset: Ruleset, points: int, *, is_amount: bool, spent: Iterable[Spent], at: datetime) -> None:
    """Raises LimitExceeded with the `reason`, the limit's `key` and what is missing or when it would be possible."""
    bound = spending_bound(ruleset, points, is_amount=is_amount, spent=spent, at=at)
    if bound is not None:
        raise LimitExceeded(_SAID[bound.reason], **bound.facts)


def spending_bound(
    ruleset: Ruleset, points: int, *, is_amount: bool, spent: Iterable[Spent], at: datetime
) -> Bound | None:
    """What speaks against spending so many points at an instant; None: nothing."""
    limits = ruleset.redemption
    if limits is None:
        return None
    before = tuple(one for one in spent if one.points > 0)
    of_amount = _amount(limits, points) if is_amount else None
    return of_amount or _cool_down(ruleset, before, at) or _day(ruleset, points, before, at)


def counts_since(ruleset: Ruleset, at: datetime) -> datetime | None:
    """What was asked for before this instant bounds no spending at `at`; None: nothing ever does."""
    limits = ruleset.redemption
    if limits is None:
        return None
    found = [] if limits.per_member_day_points is None else [day_began(ruleset, at)]
    found += [] if limits.cool_down is None else [long_before(at, limits.cool_down)]
    return min(found, default=None)


def day_began(ruleset: Ruleset, at: datetime) -> datetime:
    """When the local day of `at` began."""
    zone = ruleset.program.time_zone
    return start_of_day(date.fromisoformat(local_time(at, zone).date), zone)


def most_within(ruleset: Ruleset, points: int, *, spent: Iterable[Spent], at: datetime) -> int:
    """The most that may be spent as an amount, `points` or fewer; 0 where nothing may."""
    limits, before = ruleset.redemption, tuple(spent)
    if limits is None:
        return points
    bound = _day(ruleset, points, before, at)
    most = points if bound is None or bound.remaining is None else bound.remaining
    most = most if limits.max_points is None else min(most, limits.max_points)
    most -= most % (limits.step_points or 1)
    return most if spending_bound(ruleset, most, is_amount=True, spent=before, at=at) is None else 0


def _amount(limits: RedemptionLimits, points: int) -> Bound | None:
    least, most, step = limits.min_points, limits.max_points, limits.step_points
    if least is not None and points < least:
        return Bound("too_few", "redemption.min_points", least, missing_points=least - points)
    if most is not None and points > most:
        return Bound("too_many", "redemption.max_points", most, excess_points=points - most)
    if step is not None and points % step:
        return Bound("no_step", "redemption.step_points", step, missing_points=step - points % step)
    return None


def _cool_down(ruleset: Ruleset, spent: Iterable[Spent], at: datetime) -> Bound | None:
    assert ruleset.redemption is not None
    every = ruleset.redemption.cool_down
    if every is None:
        return None
    last = max((one.at for one in spent), default=None)
    free_at = None if last is None else add(last, every, ruleset.program.time_zone)
    if free_at is None or free_at <= at:
        return None
    return Bound("too_soon", "redemption.cool_down", every, possible_at=free_at)


def _day(ruleset: Ruleset, points: int, spent: Iterable[Spent], at: datetime) -> Bound | None:
    assert ruleset.redemption is not None
    most = ruleset.redemption.per_member_day_points
    return day_bound(ruleset, "day_spent", "redemption.per_member_day_points", most, points, spent, at)


def day_bound(  # noqa: PLR0917 (what is said of a bound, then what it is measured by)
    ruleset: Ruleset, reason: str, key: str, most: int | None, points: int, before: Iterable[Spent], at: datetime
) -> Bound | None:
    """What stands in the way of so many points more on the local day of `at`, of at most `most`; None where nothing does."""
    if most is None:
        return None
    zone = ruleset.program.time_zone
    today = local_time(at, zone).date
    remaining = max(0, most - sum(one.points for one in before if local_time(one.at, zone).date == today))
    if points <= remaining:
        return None
    tomorrow = start_of_day(date.fromisoformat(today) + timedelta(days=1), zone) if points <= most else None
    return Bound(reason, key, most, remaining=remaining, possible_at=tomorrow)
