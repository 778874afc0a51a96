"""A member's level as it is answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import NextTier


@dataclass(frozen=True, slots=True)
class TierDowngrade:
    """The next step down, without another purchase: at `at`, to the level `to` (None: none). `missing`, in what levels count,
    would keep the level; None where nothing does yet.
    """

    to: str | None
    at: datetime
    missing: int | None


@dataclass(frozen=True, slots=True)
class TierStanding:
    """Where a member stands now: `figure` is what their window holds of what `qualify_by` names. `keeps_until` is set while the
    window no longer carries the level.
    """

    member_id: str
    tier: str | None
    qualify_by: str
    figure: int
    next_tier: NextTier | None
    keeps_until: datetime | None
    downgrade: TierDowngrade | None
