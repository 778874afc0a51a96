"""What each line of a basket earned: the points of a rule are shared by the lines that it counted, in proportion to what it
counted of each. Shares are exact fractions and sum to the rule's points; what no line earned (shipping, a visit, a fixed
bonus) is kept under None. A campaign for some lines multiplies their shares only (docs/rulesets.md "Some lines only").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from token_service.program.award_schema import BonusAward, MatchingLines
from token_service.program.basket import Basket, BasketLine
from token_service.program.schema import ItemRule, PurchaseRule, SpendRule

Shares = Mapping[int | None, Fraction]
"""Points by the number of the line that earned them."""


def matching(which: ItemRule | MatchingLines, basket: Basket) -> list[BasketLine]:
    """The lines of which something is left and whose SKU or category is named."""
    return [
        line
        for line in basket.lines
        if (line.item.sku in which.skus or line.item.category in which.categories) and line.is_left
    ]


def figure(line: BasketLine, basis: str) -> Fraction:
    """Cents that a rule counts of a line: `net` without its tax, otherwise all that was paid for it."""
    return line.net if basis == "net" else line.paid


def total_of(figures: list[Fraction]) -> Fraction:
    """Their sum; adding one figure to nothing would be the dearest part of it."""
    return figures[0] if len(figures) == 1 else sum(figures, Fraction(0))


def shares(given: Iterable[tuple[PurchaseRule | BonusAward, int]], basket: Basket) -> Shares:
    """What these rules and bonuses, each with the points that it gave, earned by line."""
    found: dict[int | None, Fraction] = {None: Fraction(0)}
    for rule, points in given:
        counted, all_of_it = _counted(rule, basket)
        found[None] += points
        for number, one in counted.items() if all_of_it else ():
            share = points * one / all_of_it
            found[number] = found.get(number, Fraction(0)) + share
            found[None] -= share
    return found


def _counted(rule: PurchaseRule | BonusAward, basket: Basket) -> tuple[dict[int, Fraction], Fraction]:
    """What a rule counted of each line, and in all: cents, or pieces."""
    if isinstance(rule, SpendRule) or (isinstance(rule, BonusAward) and rule.per is not None and rule.items is None):
        every = {line.item.line: figure(line, rule.basis) for line in basket.lines}
        left = {line.item.line: every[line.item.line] for line in basket.lines if line.is_left}
        # taxes that only the order names, not its lines, leave less in all than the lines say: then these are the measure
        return left, max(basket.spend(rule.basis), total_of(list(every.values())))
    if isinstance(rule, ItemRule):
        is_by_money = rule.per is not None
        counted = {
            line.item.line: figure(line, rule.basis) if is_by_money else line.quantity
            for line in matching(rule, basket)
        }
    elif isinstance(rule, BonusAward) and rule.items is not None:
        counted = {line.item.line: figure(line, rule.basis) for line in matching(rule.items, basket)}
    else:
        counted = {}
    return counted, total_of(list(counted.values()))
