"""A reward's terms in words: what comes off, which orders it is for, what it costs at which level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from token_service.ledger.views import DiscountTerms, Money, RewardTerms
from token_service.pages import formats
from token_service.pages.breakdown import level_named
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Reward
from token_service.program.voucher_ends import GIVE_BACK


def terms_in_words(terms: RewardTerms) -> list[str]:
    """What it takes off and which orders it is for, to whom it gives, what a company has by it; each without a full stop. Nothing
    for a gift that any order may have.
    """
    return [*([] if terms.discount is None else [takes_off(terms.discount)]), *_brings(terms), *_is_for(terms)]


def _brings(terms: RewardTerms) -> Iterator[str]:
    if terms.cause is not None:
        yield gettext("Its points go to %(cause)s", cause=terms.cause)
    if terms.funds is not None:
        yield gettext("%(amount)s for marketing", amount=_money(terms.funds))
    if terms.seats is not None:
        yield ngettext(
            "%(seats)s seat in a training",
            "%(seats)s seats in a training",
            terms.seats,
            seats=formats.number(terms.seats),
        )


def takes_off(discount: DiscountTerms) -> str:
    """What comes off an order."""
    if discount.amount is not None:
        return gettext("%(amount)s off", amount=_money(discount.amount))
    percent = formats.number(discount.percent or 0)
    if discount.up_to is None:
        return gettext("%(percent)s%% off", percent=percent)
    return gettext("%(percent)s%% off, at most %(most)s", percent=percent, most=_money(discount.up_to))


def voucher_end_in_words(reward: Reward) -> str | None:
    """How long a voucher for it can be used, without a full stop; None where it has no end."""
    if reward.voucher_valid is None:
        return None
    period = formats.lasting(reward.voucher_valid)
    if reward.on_expiry == GIVE_BACK:
        return gettext("A voucher for it is valid for %(period)s; then its points come back", period=period)
    return gettext("A voucher for it is valid for %(period)s; then its points are lost", period=period)


def came_off(discount: Money | None) -> str | None:
    """What came off an order, as a figure with its sign; None where no money did."""
    return None if discount is None else formats.money(-discount.amount, discount.currency)


def prices_in_words(reward: Reward, ruleset: Ruleset) -> Iterator[str]:
    """What members of some levels pay instead, each without a full stop."""
    for level, points in (reward.points_by_level or {}).items():
        yield ngettext(
            "With the level %(level)s, %(points)s point",
            "With the level %(level)s, %(points)s points",
            points,
            level=level_named(ruleset, level),
            points=formats.number(points),
        )


def instead_of(reward: Reward, points: int) -> str | None:
    """That a member pays less than the others; None for the price of everybody."""
    if points >= reward.points:
        return None
    return ngettext(
        "Your price: instead of %(points)s point",
        "Your price: instead of %(points)s points",
        reward.points,
        points=formats.number(reward.points),
    )


def _is_for(terms: RewardTerms) -> Iterator[str]:
    goods = ", ".join((*terms.categories, *terms.skus))
    if goods:
        yield gettext("For these goods only: %(goods)s", goods=goods)
    if terms.min_total is not None:
        yield gettext("For purchases of %(amount)s or more", amount=_money(terms.min_total))


def _money(money: Money) -> str:
    return formats.round_money(money.amount, money.currency)


def unfit_in_words(facts: Mapping[str, Any], currency: str) -> str | None:
    """Why a reward is not for an order, and what is missing, from a refusal's facts; None where they don't say."""
    reason = facts.get("reason")
    if reason == "below_minimum":
        return gettext(
            "%(missing)s is missing: this is for purchases of %(amount)s or more.",
            missing=formats.money(facts["missing_amount"], currency),
            amount=formats.round_money(facts["min_total"], currency),
        )
    goods = ", ".join((*facts.get("categories", ()), *facts.get("skus", ())))
    if reason == "other_category":
        return gettext("Nothing in this basket is what it is for: %(goods)s.", goods=goods)
    if reason in ("order_needed", "items_needed"):
        return gettext("It is for some purchases only: say what is in the basket.")
    return None
