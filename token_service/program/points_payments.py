"""Points that paid part of a purchase (docs/rulesets.md "Refunds"): a redemption by amount whose worth covers what the purchase
says was paid with points. A refund gives them back in the proportion of what came back.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import Refund, left_after
from token_service.program.rewards import value_of
from token_service.program.schema import Ruleset


def covers(ruleset: Ruleset, points: int, amount: int) -> bool:
    """Whether so many points are worth the amount in minor units, by the point value of the rules they were spent under."""
    return value_of(ruleset, points) >= amount


def points_back(points: int, facts: PurchaseFacts, refunds: tuple[Refund, ...]) -> int:
    """How many of the points that paid are back after all these refunds: their share, rounded down; all once nothing of the
    purchase is left. Where points paid all of it, the lines' amounts say the share.
    """
    basket = left_after(facts, refunds)
    if basket.is_empty:
        return points
    if facts.total:
        left = basket.scaled(1)
    else:
        listed = sum(line.item.amount for line in basket.lines)
        left = (
            sum((line.share * line.item.amount for line in basket.lines), Fraction(0)) / listed
            if listed
            else Fraction(1)
        )
    return floor(points * (1 - left))


def still_to_give(points: int, facts: PurchaseFacts, refunds: tuple[Refund, ...], *, restored: int) -> int:
    """What the newest refund gives back: `restored` came back before, with earlier refunds or on its own, never twice."""
    return max(0, points_back(points, facts, refunds) - restored)
