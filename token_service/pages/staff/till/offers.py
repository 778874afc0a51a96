"""The rewards that a till can give for points: those within reach first, then what is missing for the others."""

from __future__ import annotations

from dataclasses import dataclass

from token_service.pages.breakdown import own_name
from token_service.program.ruleset import Ruleset


@dataclass(frozen=True)
class Offer:
    """A reward, and the points still missing for it; 0 = within reach."""

    id: str
    name: str
    points: int
    missing: int


def offers(rules: Ruleset, available: int) -> list[Offer]:
    """All rewards of the rules in force, cheapest first."""
    found = [Offer(one.id, own_name(one), one.points, max(0, one.points - available)) for one in rules.rewards]
    return sorted(found, key=lambda offer: (offer.points, offer.name))
