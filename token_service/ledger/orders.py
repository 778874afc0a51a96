"""Orders and their lines as callers say them: checked, and held against what a reward is for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from token_service.errors import WrongCurrency
from token_service.ledger import checks
from token_service.ledger.inputs import NewItem, NewOrder, NewRedemption
from token_service.ledger.transaction import Transaction
from token_service.program.reward_orders import Fit, Order, fit
from token_service.program.rewards import find_reward
from token_service.program.schema import Reward


def check_currency(tx: Transaction, currency: str | None) -> None:
    """Raises WrongCurrency for any but the programme's; None means that one."""
    if currency is not None and currency != tx.program.currency:
        raise WrongCurrency("the programme counts in another currency", expected=tx.program.currency)


def check_figures(items: Iterable[NewItem], pointer: str = "/items") -> None:
    """Raises InvalidInput for lines whose figures cannot be."""
    for index, item in enumerate(items):
        for name in ("line", "quantity", "amount", "discount", "tax"):
            checks.money(f"{pointer}/{index}/{name}", getattr(item, name))
        if item.tax > item.amount:
            raise checks.wrong(f"{pointer}/{index}/tax", "must not exceed the line's amount")


def check_words(items: Iterable[NewItem], pointer: str = "/items") -> None:
    """Raises InvalidInput for lines whose texts cannot be kept."""
    for index, item in enumerate(items):
        checks.optional_text(f"{pointer}/{index}/sku", item.sku, longest=200)
        checks.optional_text(f"{pointer}/{index}/category", item.category, longest=200)


def checked_order(tx: Transaction, new: NewOrder | None) -> Order | None:
    """The order as the rules see it; None where none was said. Raises WrongCurrency, InvalidInput."""
    if new is None:
        return None
    check_currency(tx, new.currency)
    checks.money("/order/total", new.total)
    check_figures(new.items, "/order/items")
    check_words(new.items, "/order/items")
    return Order(new.total, new.items)


def fitted(tx: Transaction, reward: Reward, new: NewOrder | None) -> Fit | None:
    """How the reward fits the order. Raises RewardUnavailable, WrongCurrency, InvalidInput."""
    return fit(reward, checked_order(tx, new))


def fitted_redemption(tx: Transaction, new: NewRedemption) -> Fit | None:
    """How the reward that a redemption is for fits its order. Raises as `fitted`."""
    if new.reward_id is not None:
        return fitted(tx, find_reward(tx.ruleset(tx.ruleset_hash_at(tx.now)), new.reward_id), new.order)
    if new.order is not None:
        raise checks.wrong("/order", "is for a reward: points alone are for any order")
    return None


def content_of(new: NewRedemption) -> dict[str, Any]:
    """What two calls must have in common to be one; without an order as it was before there were any."""
    content = asdict(new)
    if new.order is None:
        del content["order"]
    return content


def said_of(found: Fit | None) -> dict[str, Any]:
    """What a leaf says of it, enough to compute again what came off: nothing without an order."""
    if found is None:
        return {}
    off = {} if found.discount is None else {"discount": found.discount}
    return {"order": {"total": found.total, "counted": found.counted}, **off}
