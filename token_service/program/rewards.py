"""What points buy: the price of a reward, who may have it when, the value of points, and whether a redemption can be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from token_service.errors import InsufficientBalance, InvalidInput, RewardUnavailable
from token_service.program.campaign_limits import times_used
from token_service.program.durations import zone
from token_service.program.facts import local_time
from token_service.program.schema import Reward, Ruleset
from token_service.program.spending_limits import Spent, check_spending
from token_service.units import POINTS_MAX

DONATION: Final = "donation"
"""The kind of a reward whose points go to a cause."""
COMPANY_KINDS: Final = ("marketing_funds", "training")
"""Kinds that only companies may have."""
QUOTE_LASTS: Final = timedelta(minutes=30)
"""How long a quote may be signed: its price is that of the level held when it was made."""


@dataclass(frozen=True, slots=True)
class Whose:
    """What of a member decides which rewards they may have, and at what price: the level, the memberships held, the segments,
    and when they `had` rewards that a member may have so often only, what was given back left out. `spent`, where the rules bound
    spending: what they spent before.
    """

    tier: str | None
    memberships: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    had: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    spent: Sequence[Spent] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a member cannot have a reward at an instant: `level_needed`, `membership_needed` or `segment_needed` (one of what it
    names of `levels`, `memberships` and `segments`), `not_yet_open` (for them it opens at `opens_at`), `over` (since the end of
    `until`), or `had_already`: as often as a member may.
    """

    reason: str
    levels: tuple[str, ...] = ()
    memberships: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    opens_at: datetime | None = None
    until: date | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What an answer says of it, without what does not apply."""
        said: dict[str, Any] = {"reason": self.reason}
        if self.levels:
            said["levels"] = list(self.levels)
        if self.memberships:
            said["memberships"] = list(self.memberships)
        if self.segments:
            said["segments"] = list(self.segments)
        if self.opens_at is not None:
            said["opens_at"] = self.opens_at.isoformat()
        if self.until is not None:
            said["until"] = self.until.isoformat()
        return said


def closed(ruleset: Ruleset, reward: Reward, whose: Whose, at: datetime) -> Closed | None:
    """Why such a member cannot have the reward at an instant; None: they can, if they have the points. Days are the
    programme's; a level or membership of `early_days` may have it so many days before `from`, the earliest counts.
    """
    if not _is_for(reward, whose):
        reason = "level_needed" if reward.levels else "membership_needed" if reward.memberships else "segment_needed"
        return Closed(reason, levels=reward.levels, memberships=reward.memberships, segments=reward.segments)
    has = {whose.tier, *whose.memberships}
    today = local_time(at, ruleset.program.time_zone).date
    if reward.starts is not None:
        early = (days for name, days in (reward.early_days or {}).items() if name in has)
        opens = reward.starts - timedelta(days=max(early, default=0))
        if today < opens.isoformat():
            opens_at = datetime.combine(opens, time.min, tzinfo=zone(ruleset.program.time_zone))
            return Closed("not_yet_open", opens_at=opens_at)
    if reward.until is not None and today > reward.until.isoformat():
        return Closed("over", until=reward.until)
    limit, time_zone = reward.per_member, ruleset.program.time_zone
    if limit is not None and times_used(limit, whose.had.get(reward.id, ()), at, time_zone) >= limit.times:
        return Closed("had_already")
    return None


def _is_for(reward: Reward, whose: Whose) -> bool:
    """Whether it is for everybody, or the member has one of what it names."""
    if not (reward.levels or reward.memberships or reward.segments):
        return True
    return (
        whose.tier in reward.levels
        or not {*whose.memberships}.isdisjoint(reward.memberships)
        or not {*whose.segments}.isdisjoint(reward.segments)
    )


_SAID = {
    "level_needed": "This reward is for members of another level.",
    "membership_needed": "This reward is for members of a paid membership.",
    "segment_needed": "This reward is for members of another group.",
    "not_yet_open": "This reward is not to be had yet.",
    "over": "This reward is over.",
    "had_already": "The member has had this reward as often as each member may.",
}


def find_reward(ruleset: Ruleset, reward_id: str) -> Reward:
    """The reward of that id. Raises RewardUnavailable when the ruleset has none."""
    for reward in ruleset.rewards:
        if reward.id == reward_id:
            return reward
    raise RewardUnavailable("The programme has no such reward.")


def price(reward: Reward, tier: str | None) -> int:
    """Points that the reward costs a member of that level."""
    return reward.points if tier is None else (reward.points_by_level or {}).get(tier, reward.points)


def lowest_price(reward: Reward) -> int:
    """The fewest points for which anybody has it."""
    return min((reward.points, *(reward.points_by_level or {}).values()))


def all_prices(reward: Reward) -> tuple[int, ...]:
    """Points that it costs anybody: its own price, then those of levels."""
    return reward.points, *(reward.points_by_level or {}).values()


def value_of(ruleset: Ruleset, points: int) -> int:
    """What points ≥ 0 are worth in minor units of the programme's currency, rounded down; 0 without a `point_value`."""
    value = ruleset.program.point_value
    return points * value.amount // value.points if value is not None else 0


def points_worth(ruleset: Ruleset, amount: int) -> int | None:
    """The most points whose value does not exceed an amount in minor units; None without a `point_value`."""
    value = ruleset.program.point_value
    return None if value is None else amount * value.points // value.amount


def open_price(ruleset: Ruleset, reward: Reward, whose: Whose, at: datetime) -> int:
    """Points that the reward costs such a member at an instant. Raises RewardUnavailable where it is closed to them."""
    why_not = closed(ruleset, reward, whose, at)
    if why_not is not None:
        raise RewardUnavailable(_SAID[why_not.reason], **why_not.facts)
    return price(reward, whose.tier)


def check_redemption(
    ruleset: Ruleset, *, points: int | None, reward_id: str | None, available: int, whose: Whose, at: datetime
) -> int:
    """Points that the redemption takes.

    Raises InvalidInput unless exactly one of `points` (1 … 2^53−1) and `reward_id` is given, RewardUnavailable for an
    unknown reward, for one that gives to a cause, which is a donation (`gives_to_cause`), and for one that is closed to this
    member at this instant (with `reason`, and what it needs),
    LimitExceeded for what `redemption` bounds, InsufficientBalance with `available` and `missing_points`.
    """
    if (points is None) == (reward_id is None):
        raise InvalidInput("Name either the points or the reward.")
    needed = points or 0
    if reward_id is not None:
        reward = find_reward(ruleset, reward_id)
        if reward.kind == DONATION:
            said = "This reward gives its points to a cause: record a donation with its reward_id instead."
            raise RewardUnavailable(said, reason="gives_to_cause", cause=reward.cause)
        needed = open_price(ruleset, reward, whose, at)
    if not 1 <= needed <= POINTS_MAX:
        raise InvalidInput("Points must be a whole number from 1 to 2^53 − 1.")
    check_spending(ruleset, needed, is_amount=reward_id is None, spent=whose.spent, at=at)
    if needed > available:
        raise InsufficientBalance(
            "There are not enough points.", available=available, missing_points=needed - available
        )
    return needed
