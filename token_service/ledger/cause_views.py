"""Causes and donations as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import Money


@dataclass(frozen=True, slots=True)
class Cause:
    """To whom members give points; `donated` in all, by so many `donations`. `party` is its number on the chain."""

    id: str
    created_at: datetime
    name: str
    party: int
    is_open: bool
    donated: int
    donations: int


@dataclass(frozen=True, slots=True)
class Donation:
    """Points given to a cause, and what they were worth; by a reward that gives, or (None) as an amount."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    cause_id: str
    cause_name: str
    points: int
    value: Money
    ruleset: str
    reward_id: str | None = None
