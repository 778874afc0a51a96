"""What a history tells of: purchases, events and the people they are of (what_if.py decides them again)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from token_service.program.facts import ItemFacts


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase of a history. Money in minor units."""

    member: str
    occurred_at: datetime
    total: int
    tax: int = 0
    shipping: int = 0
    discount: int = 0
    items: tuple[ItemFacts, ...] = ()
    channel: str | None = None
    store: str | None = None
    merchant: str = "merchant"


@dataclass(frozen=True, slots=True)
class Occurred:
    """One event of a history: a review, a paid month, a referral; or one of the programme's own, a birthday for example."""

    member: str
    occurred_at: datetime
    event: str
    subject: str | None = None
    merchant: str = "merchant"


@dataclass(frozen=True, slots=True)
class Person:
    """What a history knows of a member beside what they did. Without `joined_at` they count as joined with the first thing;
    `segments` are theirs all the time.
    """

    joined_at: datetime | None = None
    birth_date: date | None = None
    segments: tuple[str, ...] = ()


Told = Bought | Occurred
