"""What a reward took off an order: computed again from what the leaf says of the order. Which of its lines the reward was for is
told, not shown.
"""

from __future__ import annotations

from token_service.audit.accounts.step import Step
from token_service.program.reward_orders import comes_off, is_bound, names_goods
from token_service.program.schema import Reward


def check_order(step: Step, reward: Reward) -> None:
    """The order was one that the reward is for, and what came off it is what the rules give."""
    order, told = step.leaf.detail.get("order"), step.leaf.detail.get("discount")
    if order is None:
        if is_bound(reward):
            step.differs(
                "rewards", f"the reward {reward.id} is for some orders only", expected="an order", found="none"
            )
        step.same("rewards", "what came off without an order", None, told)
        return
    figures = order if isinstance(order, dict) else {}
    total, counted = figures.get("total"), figures.get("counted")
    if not isinstance(total, int) or not isinstance(counted, int) or not 0 <= counted <= total:
        step.differs("rewards", "an order cannot be read", expected="0 ≤ counted ≤ total", found=str(order))
        return
    if reward.min_total is not None and total < reward.min_total:
        detail = f"the order is too small for the reward {reward.id}"
        step.differs("rewards", detail, expected=f"≥ {reward.min_total}", found=total)
    if not names_goods(reward):
        step.same("rewards", "how much of the order counts", total, counted)
    right = None if reward.discount is None else comes_off(reward.discount, counted)
    step.same("rewards", "what came off the order", right, told)
