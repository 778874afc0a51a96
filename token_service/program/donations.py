"""Points given to causes (docs/rulesets.md "donations"): what the rules bound, and what they are worth there.

`min_points` and `step_points` are about an amount that somebody names; a reward that gives has its own price. The day and the sum
count both. What a rule forbids is refused with what is missing, as spending is (spending_limits.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from token_service.errors import InsufficientBalance, InvalidInput, LimitExceeded, RewardUnavailable
from token_service.program.rewards import DONATION, Whose, find_reward, open_price, value_of
from token_service.program.schema import Reward, Ruleset
from token_service.program.spending_limits import Bound, Spent, day_began, day_bound
from token_service.units import POINTS_MAX

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SAID = {
    "other_cause": "The rules name the causes that points are given to, and this is none of them.",
    "too_few": "Fewer points than this are not given at once.",
    "no_step": "Points are given in whole steps.",
    "day_given": "The member would give more points than a day allows.",
    "all_given": "The member would give more points than each member may in all.",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody would give: `points` to the cause of that public name, as an amount or as the price of a reward."""

    points: int
    cause: str
    is_amount: bool = True


def donation_reward(ruleset: Ruleset, reward_id: str) -> Reward:
    """The reward of that id. Raises RewardUnavailable for none of the rules, and for one that gives nothing (`gives_nothing`)."""
    reward = find_reward(ruleset, reward_id)
    if reward.kind != DONATION:
        said = "This reward gives to no cause: record a redemption instead."
        raise RewardUnavailable(said, reason="gives_nothing", kind=reward.kind)
    return reward


def check_reward_given(ruleset: Ruleset, reward: Reward, *, agreed: int | None, whose: Whose, at: datetime) -> int:
    """Points that the reward gives. Raises RewardUnavailable, also where another price was `agreed` to."""
    points = open_price(ruleset, reward, whose, at)
    if agreed not in (None, points):
        raise RewardUnavailable("the reward's price has changed", points=points)
    return points


def check_donation(ruleset: Ruleset, given: Given, *, available: int, before: Iterable[Spent], at: datetime) -> None:
    """Raises InvalidInput for no number of points (1 … 2^53−1), LimitExceeded for what the rules bound, with the `reason` and
    what is missing, InsufficientBalance with `available` and `missing_points`.
    """
    if not 1 <= given.points <= POINTS_MAX:
        raise InvalidInput("Points must be a whole number from 1 to 2^53 − 1.")
    bound = donation_bound(ruleset, given, before=before, at=at)
    if bound is not None:
        raise LimitExceeded(_SAID[bound.reason], **bound.facts)
    if given.points > available:
        missing = given.points - available
        raise InsufficientBalance("There are not enough points.", available=available, missing_points=missing)


def donation_bound(ruleset: Ruleset, given: Given, *, before: Iterable[Spent], at: datetime) -> Bound | None:
    """What speaks against giving this at an instant, by a member who gave before; None: nothing."""
    limits, points = ruleset.donations, given.points
    if limits is None:
        return None
    if limits.causes is not None and given.cause not in limits.causes:
        return Bound("other_cause", "donations.causes", ", ".join(limits.causes))
    if given.is_amount and limits.min_points is not None and points < limits.min_points:
        missing = limits.min_points - points
        return Bound("too_few", "donations.min_points", limits.min_points, missing_points=missing)
    if given.is_amount and limits.step_points is not None and points % limits.step_points:
        missing = limits.step_points - points % limits.step_points
        return Bound("no_step", "donations.step_points", limits.step_points, missing_points=missing)
    earlier = tuple(before)
    return _in_all(ruleset, points, earlier) or _day(ruleset, points, earlier, at)


def counts_since(ruleset: Ruleset, at: datetime) -> datetime | None:
    """What a member gave before this instant bounds no gift at `at`; None: nothing that they gave ever does."""
    limits = ruleset.donations
    if limits is None or (limits.per_member_points is None and limits.per_member_day_points is None):
        return None
    return day_began(ruleset, at) if limits.per_member_points is None else EVER


def given_value(ruleset: Ruleset, points: int) -> int:
    """What points are worth to a cause, in minor units, rounded down: at the value that the rules give donations, else at the
    programme's; 0 without either.
    """
    value = None if ruleset.donations is None else ruleset.donations.point_value
    return value_of(ruleset, points) if value is None else points * value.amount // value.points


def _in_all(ruleset: Ruleset, points: int, before: Iterable[Spent]) -> Bound | None:
    assert ruleset.donations is not None
    most = ruleset.donations.per_member_points
    remaining = 0 if most is None else max(0, most - sum(one.points for one in before))
    if most is None or points <= remaining:
        return None
    return Bound("all_given", "donations.per_member_points", most, remaining=remaining)


def _day(ruleset: Ruleset, points: int, before: Iterable[Spent], at: datetime) -> Bound | None:
    assert ruleset.donations is not None
    most = ruleset.donations.per_member_day_points
    return day_bound(ruleset, "day_given", "donations.per_member_day_points", most, points, before, at)
