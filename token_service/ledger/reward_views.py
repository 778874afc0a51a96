"""Rewards as they stand for a member (views.py says how to read them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from token_service.ledger.point_views import Money


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """What comes off an order: `amount`, or `percent` of it, at most `up_to`."""

    amount: Money | None
    percent: int | None
    up_to: Money | None


@dataclass(frozen=True, slots=True)
class RewardTerms:
    """What a reward takes off (`discount` None: no money), and which orders it is for: any line of these categories or SKUs, of
    at least that total; empty: any order. The cause that it gives to; what a company has by it.
    """

    discount: DiscountTerms | None
    categories: tuple[str, ...]
    skus: tuple[str, ...]
    min_total: Money | None
    cause: str | None = None
    funds: Money | None = None
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class RewardStanding:
    """A reward for one member, now. `refusal` says why it is closed to them (`reason`, and what it needs), which may be that
    their points buy nothing at all now; empty: only points may be missing. `points` is the price for this member. `pieces_left`
    None: no end of them.
    """

    id: str
    kind: str
    points: int
    missing_points: int
    allowed: bool
    pieces_left: int | None
    terms: RewardTerms
    refusal: Mapping[str, object] = field(default_factory=dict)
