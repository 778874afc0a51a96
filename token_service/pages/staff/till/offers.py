"""The rewards that a till can give for points: those within reach first, then what is missing for the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.views import Member
from token_service.pages.breakdown import own_name
from token_service.pages.on_offer import on_offer
from token_service.program.ruleset import Ruleset


@dataclass(frozen=True)
class Offer:
    """A reward, and the points still missing for it; 0 = within reach. `closed` says why this member cannot have it now."""

    id: str
    name: str
    points: int
    missing: int
    closed: str | None = None


def offers(rules: Ruleset, member: Member, at: datetime) -> list[Offer]:
    """All rewards of the rules in force that are not over, cheapest first."""
    available = member.balance.available
    found = [
        Offer(one.id, own_name(one), one.points, max(0, one.points - available), why_not)
        for one, why_not in on_offer(rules, member, at)
    ]
    return sorted(found, key=lambda offer: (offer.points, offer.name))
