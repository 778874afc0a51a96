"""Benefits as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import NextTier


@dataclass(frozen=True, slots=True)
class Benefit:
    """One benefit for one member, now. `reason` is `tier` (the level `tier` grants it, until `until` if it is on its way down),
    `membership` (paid until `until`), `tier_needed` (`needs` says which, None if only a lower one has it), `membership_needed` or
    `member_frozen`.
    """

    id: str
    granted: bool
    reason: str
    tier: str | None
    until: datetime | None
    needs: NextTier | None
    membership: str | None = None
    needs_memberships: tuple[str, ...] = ()
