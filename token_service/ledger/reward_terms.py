"""A reward's terms as they are answered: what comes off, and which orders it is for."""

from __future__ import annotations

from token_service.ledger.point_views import Money
from token_service.ledger.reward_views import DiscountTerms, RewardTerms
from token_service.program.schema import Discount, Reward


def terms_of(reward: Reward, currency: str) -> RewardTerms:
    """The terms that the rules give it."""
    return RewardTerms(
        discount=None if reward.discount is None else _discount(reward.discount, currency),
        categories=reward.categories,
        skus=reward.skus,
        min_total=_money(reward.min_total, currency),
        cause=reward.cause,
        funds=_money(reward.funds, currency),
        seats=reward.seats,
    )


def _discount(discount: Discount, currency: str) -> DiscountTerms:
    return DiscountTerms(_money(discount.amount, currency), discount.percent, _money(discount.up_to, currency))


def _money(amount: int | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)
