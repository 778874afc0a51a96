"""Which orders a reward is for, and what it takes off one: the goods that it names, the least total, the discount.

A reward counts for the lines whose category or SKU it names; where it names none, for the whole order. What comes off is never
more than that comes to, and never more than the order's total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from token_service.errors import RewardUnavailable
from token_service.program.schema import Discount, Reward


class Line(Protocol):
    """A line of the basket; `amount` is what it comes to, after its own discount."""

    @property
    def sku(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def amount(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What a reward is used for: `total` minor units to pay, and its lines as far as they were said."""

    total: int
    items: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """An order that a reward is for: `counted` minor units of it count, and `discount` come off (None: this reward takes no
    money off).
    """

    total: int
    counted: int
    discount: int | None


def is_bound(reward: Reward) -> bool:
    """Whether it is for some orders only."""
    return names_goods(reward) or reward.min_total is not None


def names_goods(reward: Reward) -> bool:
    """Whether it is for some goods only."""
    return bool(reward.categories or reward.skus)


def fit(reward: Reward, order: Order | None) -> Fit | None:
    """How the reward fits the order; None when none was said and it is for every order.

    Raises RewardUnavailable with its `reason` and what is needed: `order_needed`, `items_needed`, `other_category` (with
    `categories` and `skus`), `below_minimum` (with `min_total` and `missing_amount`, minor units).
    """
    if order is None:
        if is_bound(reward):
            raise _refused("order_needed", "Say the order: this reward is for some orders only.", reward)
        return None
    counted = order.total
    if names_goods(reward):
        if not order.items:
            raise _refused("items_needed", "Say the lines of the order: this reward is for some goods only.", reward)
        matching = [one for one in order.items if one.category in reward.categories or one.sku in reward.skus]
        if not matching:
            raise _refused("other_category", "Nothing in this order is what the reward is for.", reward)
        counted = min(order.total, sum(one.amount for one in matching))
    if reward.min_total is not None and order.total < reward.min_total:
        missing = reward.min_total - order.total
        raise _refused("below_minimum", "The order is too small for this reward.", reward, missing_amount=missing)
    return Fit(order.total, counted, None if reward.discount is None else comes_off(reward.discount, counted))


def comes_off(discount: Discount, counted: int) -> int:
    """Minor units that come off `counted` ≥ 0 of an order, rounded down, never more than all of it."""
    if discount.percent is None:
        return min(discount.amount or 0, counted)
    off = counted * discount.percent // 100
    return off if discount.up_to is None else min(off, discount.up_to)


def _refused(reason: str, detail: str, reward: Reward, **more: Any) -> RewardUnavailable:
    """With all that the reward needs of an order, so that whoever asks once need not be refused twice."""
    needs: dict[str, Any] = {}
    if reward.categories:
        needs["categories"] = list(reward.categories)
    if reward.skus:
        needs["skus"] = list(reward.skus)
    if reward.min_total is not None:
        needs["min_total"] = reward.min_total
    return RewardUnavailable(detail, reason=reason, **needs, **more)
