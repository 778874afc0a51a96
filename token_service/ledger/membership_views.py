"""Paid memberships as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import BreakdownLine, Money


@dataclass(frozen=True, slots=True)
class Membership:
    """A period that a member bought. It is held until `keeps_until`, its end with the grace; `ended_at`: it was refunded."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    membership: str
    starts_at: datetime
    ends_at: datetime
    keeps_until: datetime
    is_renewal: bool
    paid: Money
    points: int
    breakdown: tuple[BreakdownLine, ...]
    ended_at: datetime | None
    ruleset: str


@dataclass(frozen=True, slots=True)
class MembershipTotal:
    """What a membership brought in a stretch of days; minor units. `members` hold one now."""

    membership: str
    sold: int
    renewals: int
    refunds: int
    paid: int
    paid_back: int
    members: int
