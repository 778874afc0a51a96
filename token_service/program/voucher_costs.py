"""What vouchers cost that are won, not bought: as far as the rules say what their rewards are worth."""

from __future__ import annotations

from collections.abc import Mapping

from token_service.program.schema import Reward, Ruleset


def declared_cost(reward: Reward) -> int | None:
    """Minor units that the rules say a voucher for the reward takes off an order, at the most; None where they don't say."""
    if reward.discount is None:
        return None
    return reward.discount.up_to if reward.discount.amount is None else reward.discount.amount


def voucher_cost(ruleset: Ruleset, vouchers: Mapping[str, int]) -> int:
    """The declared cost of vouchers, counted by reward; the rest is what `uncosted` counts."""
    costs = {reward.id: declared_cost(reward) or 0 for reward in ruleset.rewards}
    return sum(costs.get(reward_id, 0) * many for reward_id, many in vouchers.items())


def uncosted(ruleset: Ruleset, vouchers: Mapping[str, int]) -> dict[str, int]:
    """The vouchers, by reward, whose cost the rules don't declare: gifts, and shares of an order without a limit."""
    known = {reward.id for reward in ruleset.rewards if declared_cost(reward) is not None}
    return {reward_id: many for reward_id, many in sorted(vouchers.items()) if many and reward_id not in known}
