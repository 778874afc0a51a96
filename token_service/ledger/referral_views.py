"""Referrals as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Referral:
    """One invitation that was taken up. `state`: waiting (for a purchase that can no longer be returned), paid, taken_back (no
    purchase was kept), or refused (`reason`: self, cycle, known, same_device, same_household, no_purchase, or
    referrer_gone).
    """

    id: str
    created_at: datetime
    state: str
    reason: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A member's own code and whom it brought, newest first; `invited_by` is how the member came, if somebody invited them."""

    code: str
    referrals: tuple[Referral, ...]
    invited_by: Referral | None
