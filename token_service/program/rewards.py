"""What points buy: the price of a reward, the value of points, and whether a redemption can be made."""

from __future__ import annotations

from token_service.errors import InsufficientBalance, InvalidInput, RewardUnavailable
from token_service.program.schema import Reward, Ruleset
from token_service.units import POINTS_MAX


def find_reward(ruleset: Ruleset, reward_id: str) -> Reward:
    """The reward of that id. Raises RewardUnavailable when the ruleset has none."""
    for reward in ruleset.rewards:
        if reward.id == reward_id:
            return reward
    raise RewardUnavailable("The programme has no such reward.")


def price(ruleset: Ruleset, reward_id: str) -> int:
    """Points that the reward costs. Raises RewardUnavailable when the ruleset has none of that id."""
    return find_reward(ruleset, reward_id).points


def value_of(ruleset: Ruleset, points: int) -> int:
    """What points ≥ 0 are worth in minor units of the programme's currency, rounded down; 0 without a `point_value`."""
    value = ruleset.program.point_value
    return points * value.amount // value.points if value is not None else 0


def check_redemption(ruleset: Ruleset, *, points: int | None, reward_id: str | None, available: int) -> int:
    """Points that the redemption takes.

    Raises InvalidInput unless exactly one of `points` (1 … 2^53−1) and `reward_id` is given, RewardUnavailable for an
    unknown reward, InsufficientBalance with `available` and `missing_points`.
    """
    if (points is None) == (reward_id is None):
        raise InvalidInput("Name either the points or the reward.")
    needed = price(ruleset, reward_id) if reward_id is not None else points or 0
    if not 1 <= needed <= POINTS_MAX:
        raise InvalidInput("Points must be a whole number from 1 to 2^53 − 1.")
    if needed > available:
        raise InsufficientBalance(
            "There are not enough points.", available=available, missing_points=needed - available
        )
    return needed
