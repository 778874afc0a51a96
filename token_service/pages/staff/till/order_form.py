"""What a till asks of the order that a reward is for, and only that: the money, and what of the reward's goods is in the basket.

The lines are made from it: the till knows what the ticked goods come to together, so that stands on the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from werkzeug.datastructures import MultiDict

from token_service.ledger.inputs import NewItem, NewOrder
from token_service.ledger.views import RewardTerms
from token_service.pages.staff.till.amounts import parse_amount

TOTAL: Final = "total"
GOODS: Final = "goods"
EDIT: Final = "edit"
"""What the button says that goes back to the form."""
ASKING: Final = ("order_needed", "items_needed")
"""Reasons that only say that the order was not said yet."""
UNFIT: Final = (*ASKING, "other_category", "below_minimum")
"""Reasons that another order may take away."""


@dataclass(frozen=True)
class OrderForm:
    """What a reward's terms ask for, and what was typed. `is_sent`: whether anything was answered yet."""

    asks_total: bool = False
    asks_goods: bool = False
    categories: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    total: str = ""
    goods: str = ""
    picked: frozenset[tuple[str, str]] = frozenset()
    is_sent: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether the reward needs an order at all."""
        return bool(self.asks_total or self.categories or self.skus)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What was typed, for hidden fields."""
        typed = [(TOTAL, self.total)] * self.asks_total + [(GOODS, self.goods)] * self.asks_goods
        return [("order", "said"), *typed, *sorted(self.picked)] if self.is_asked else []


@dataclass
class Parsed:
    """The order, None while nothing was said; or which field is wrong."""

    order: NewOrder | None = None
    errors: dict[str, str] = field(default_factory=dict)


def order_form(terms: RewardTerms, typed: MultiDict[str, str]) -> OrderForm:
    """The form of these terms, filled with what was typed."""
    names_goods, percent = bool(terms.categories or terms.skus), terms.discount is not None and terms.discount.percent
    known = {("category", one) for one in terms.categories} | {("sku", one) for one in terms.skus}
    ticked = {(name, value) for name in ("category", "sku") for value in typed.getlist(name)}
    return OrderForm(
        asks_total=terms.min_total is not None or bool(percent and not names_goods),
        asks_goods=names_goods and terms.discount is not None,
        categories=terms.categories,
        skus=terms.skus,
        total=typed.get(TOTAL, ""),
        goods=typed.get(GOODS, ""),
        picked=frozenset(known & ticked),
        is_sent="order" in typed,
    )


def parsed_order(form: OrderForm, currency: str) -> Parsed:
    """The order that was typed."""
    if not (form.is_asked and form.is_sent):
        return Parsed()
    errors: dict[str, str] = {}
    goods = _amount(GOODS, form.goods, currency, errors) if form.asks_goods and form.picked else 0
    total = _amount(TOTAL, form.total, currency, errors) if form.asks_total else goods
    if goods > total and not errors:
        errors[GOODS] = "above"
    return Parsed(errors=errors) if errors else Parsed(NewOrder(total, currency, tuple(_lines(form, goods, total))))


def _lines(form: OrderForm, goods: int, total: int) -> list[NewItem]:
    """A line for each kind of goods that is in the basket; one of no kind where none is."""
    if not (form.categories or form.skus):
        return []
    if not form.picked:
        return [NewItem(0, total)]
    return [
        NewItem(place, 0 if place else goods, **{name: value})  # type: ignore[arg-type]
        for place, (name, value) in enumerate(sorted(form.picked))
    ]


def _amount(name: str, typed: str, currency: str, errors: dict[str, str]) -> int:
    amount = parse_amount(typed, currency)
    if amount is None:
        errors[name] = "amount" if typed.strip() else "empty"
    return amount or 0
