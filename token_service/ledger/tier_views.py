"""A member's level as it is answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import NextTier
from token_service.program.tier_outlook import Projection
from token_service.program.tiers import Measures


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
    """Where a member stands now: `figure` is what their window holds of what `qualify_by` names, `measures` what it holds of each
    thing that levels may count. From `keep` on the level is kept; `keeps_until` is set while the window no longer carries it.
    `projected` is the next level that differs from today's.
    """

    member_id: str
    tier: str | None
    qualify_by: str
    figure: int
    measures: Measures
    keep: int | None
    next_tier: NextTier | None
    keeps_until: datetime | None
    downgrade: TierDowngrade | None
    projected: Projection
