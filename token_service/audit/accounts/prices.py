"""The price of a reward, looked at again."""

from __future__ import annotations

from token_service.audit.accounts.step import Step
from token_service.program.rewards import all_prices, price
from token_service.program.schema import Reward


def has_price(step: Step, reward: Reward, tier: str | None, points: int) -> bool:
    """Whether the points are the reward's price for that level; notes a finding where they are not. Of an account whose level is
    not known, any of the reward's prices will do.
    """
    right = price(reward, tier)
    if points == right or (not step.account.is_tier_known and points in all_prices(reward)):
        return True
    step.differs("rewards", f"the reward {reward.id} has another price", expected=right, found=points)
    return False
