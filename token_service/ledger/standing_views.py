"""Standing orders and renewals as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import Money


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """At most `points` are used on each renewal; 0 and no time where the member asked for nothing."""

    member_id: str
    points: int
    set_at: datetime | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A bill of which `points` paid `value`, and the customer pays `to_pay`. `why_none` says why no points were used."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    amount: Money
    points: int
    value: Money
    to_pay: Money
    why_none: str | None
    redemption_id: str | None
