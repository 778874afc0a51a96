"""A purchase as the rules see it, whole or after refunds: exact fractions of cents and pieces, never rounded here.

What a refund leaves (docs/rulesets.md "Refunds"):
- the total shrinks by the money given back; what is net of tax shrinks in the same proportion;
- money that names no line is taken from all lines in proportion, goods before shipping;
- a line shrinks by its own money and pieces; when every piece of every line is back, nothing is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any, Final, Protocol

from token_service.program.facts import ItemFacts, PurchaseFacts


class LineTakenBack(Protocol):
    """What a refund says about one line: pieces and cents, not negative."""

    @property
    def line(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def amount(self) -> int: ...


_ITEM_FACTS: Final = ("sku", "category", "quantity", "amount", "discount", "tax")


@dataclass(frozen=True, slots=True)
class BasketLine:
    """What is left of a line. `paid` is its share of the goods' money: the order's own discount is spread over the lines."""

    item: ItemFacts
    quantity: Fraction
    paid: Fraction
    share: Fraction

    @property
    def is_left(self) -> bool:
        """Whether any of it stayed with the member: a line whose pieces all came back is gone, whatever was withheld."""
        # a fraction is positive when its numerator is; asked for each line by each rule, comparing fractions takes longest of all
        return self.share.numerator > 0 and (self.quantity.numerator > 0 or not self.item.quantity)

    @property
    def net(self) -> Fraction:
        """`paid` without the line's tax."""
        if not self.item.amount:
            return Fraction(0)
        return self.paid * Fraction(max(0, self.item.amount - self.item.tax), self.item.amount)


@dataclass(frozen=True, slots=True)
class Basket:
    """What is left of a purchase. `is_empty` after a full refund only."""

    facts: PurchaseFacts
    total: int
    lines: tuple[BasketLine, ...]
    is_empty: bool = False

    @property
    def shipping(self) -> int:
        return min(self.facts.shipping, self.total)

    def spend(self, basis: str) -> Fraction:
        """Cents that a spend rule counts: `gross` all that was paid, `net` without tax, `goods` without shipping."""
        if basis == "net":
            return self.scaled(self.facts.total - self.facts.tax)
        return Fraction(self.total - self.shipping if basis == "goods" else self.total)

    def scaled(self, amount: int) -> Fraction:
        """A part of the purchase's total, in proportion to what is left of it."""
        return Fraction(amount * self.total, self.facts.total) if self.facts.total else Fraction(amount)


def whole(facts: PurchaseFacts) -> Basket:
    """The basket as it was bought."""
    return Basket(facts, facts.total, tuple(_paid_lines(facts)))


def left_of(facts: PurchaseFacts, *, amount: int, lines: tuple[LineTakenBack, ...]) -> Basket:
    """The basket after refunds: `amount` cents that name no line, and all that was taken back line by line."""
    bought = whole(facts)
    pieces: dict[int, int] = {}
    money: dict[int, int] = {}
    for back in lines:
        pieces[back.line] = pieces.get(back.line, 0) + back.quantity
        money[back.line] = money.get(back.line, 0) + back.amount
    total = max(0, facts.total - amount - sum(money.values()))
    after_lines = [max(Fraction(0), line.paid - money.get(line.item.line, 0)) for line in bought.lines]
    goods = sum(after_lines, Fraction(0))
    factor = max(Fraction(0), goods - amount) / goods if goods else Fraction(not amount)
    left = tuple(
        _left_line(line, paid * factor, max(0, line.item.quantity - pieces.get(line.item.line, 0)) * factor)
        for line, paid in zip(bought.lines, after_lines, strict=True)
    )
    nothing = (facts.total > 0 and total == 0) or (any(pieces.values()) and not any(line.is_left for line in left))
    return Basket(facts, 0 if nothing else total, () if nothing else left, is_empty=nothing)


def condition_facts(basket: Basket) -> dict[str, Any]:
    """What a campaign's condition may read (conditions.FACTS): whole numbers, rounded down where a refund left a fraction."""
    facts = basket.facts
    lines = [line for line in basket.lines if line.is_left]
    order = {
        "total": basket.total,
        "tax": floor(basket.scaled(facts.tax)),
        "shipping": basket.shipping,
        "discount": floor(basket.scaled(facts.discount)),
        "paid_with_points": floor(basket.scaled(facts.paid_with_points)),
        "currency": facts.currency,
        "channel": facts.channel,
        "store": facts.store,
        "merchant": facts.merchant,
        "items": [_item_facts(line) for line in lines],
        "skus": sorted({line.item.sku for line in lines if line.item.sku is not None}),
        "categories": sorted({line.item.category for line in lines if line.item.category is not None}),
        "quantity": sum(floor(line.quantity) for line in lines),
    }
    member: dict[str, Any] = {
        "tier": facts.member.tier,
        "age_days": facts.member.age_days,
        "purchases": facts.member.purchases,
    }
    member["memberships"], member["segments"] = list(facts.member.memberships), list(facts.member.segments)
    local = facts.local
    visit = {
        "number": facts.visit.number,
        "receipt": facts.visit.receipt,
        "date": local.date,
        "year": local.year,
        "month": local.month,
        "day": local.day,
        "hour": local.hour,
        "minute": local.minute,
        "weekday": local.weekday,
    }
    return {"order": order, "member": member, "visit": visit}


def _paid_lines(facts: PurchaseFacts) -> list[BasketLine]:
    listed = sum(item.amount for item in facts.items)
    goods = max(0, facts.total - facts.shipping)
    factor = min(Fraction(1), Fraction(goods, listed)) if listed else Fraction(1)
    over, under, all_of_it = factor.numerator, factor.denominator, Fraction(1)
    return [
        BasketLine(item, Fraction(item.quantity), Fraction(item.amount * over, under), all_of_it)
        for item in facts.items
    ]


def _left_line(line: BasketLine, paid: Fraction, quantity: Fraction) -> BasketLine:
    by_pieces = quantity / line.quantity if line.quantity else Fraction(1)
    return BasketLine(line.item, quantity, paid, share=paid / line.paid if line.paid else by_pieces)


def _item_facts(line: BasketLine) -> dict[str, Any]:
    item = line.item
    if line.share == 1 and line.quantity == item.quantity:  # nothing of it came back: nothing to round
        return {name: getattr(item, name) for name in _ITEM_FACTS}
    return {
        "sku": line.item.sku,
        "category": line.item.category,
        "quantity": floor(line.quantity),
        "amount": floor(line.item.amount * line.share),
        "discount": floor(line.item.discount * line.share),
        "tax": floor(line.item.tax * line.share),
    }
