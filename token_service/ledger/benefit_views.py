"""Benefits and their uses as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import NextTier


@dataclass(frozen=True, slots=True)
class Benefit:
    """One benefit for one member, now. `reason` is `tier` (the level `tier` grants it, until `until` if it is on its way down),
    `membership` (paid until `until`), `campaign` (which lasts until `until`), `used_up`, `tier_needed` (`needs` says which, None
    if only a lower one has it), `membership_needed`, `campaign_needed` or `member_frozen`.

    It may be used `times` in all, or in any stretch of `every` (None: without a limit); `used` of them are, `left` are not, and
    the next one is free again at `next_at` (None: it will not be by itself, or nothing was used).
    """

    id: str
    granted: bool
    reason: str
    tier: str | None
    until: datetime | None
    needs: NextTier | None
    membership: str | None = None
    needs_memberships: tuple[str, ...] = ()
    campaign: str | None = None
    needs_campaigns: tuple[str, ...] = ()
    times: int | None = None
    every: str | None = None
    used: int = 0
    left: int | None = None
    next_at: datetime | None = None

    @property
    def has_grant(self) -> bool:
        """Whether something grants it, be it used up or the member frozen."""
        return bool(self.tier or self.membership or self.campaign)


@dataclass(frozen=True, slots=True)
class BenefitUsed:
    """One use: what granted it (`granted_by` is tier, membership or campaign, `grant` its id), and what was left behind it.
    `reversed_at`: it was taken back.
    """

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    merchant_name: str
    member_id: str
    store_id: str | None
    benefit: str
    note: str | None
    granted_by: str
    grant: str
    times: int | None
    every: str | None
    used: int
    left: int | None
    reversed_at: datetime | None
    ruleset: str


@dataclass(frozen=True, slots=True)
class UseOutcome:
    """A use, and whether it was recorded before."""

    use: BenefitUsed
    replayed: bool
