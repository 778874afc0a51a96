"""The programme, its merchants, keys and rules, as they are answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from token_service.ledger.point_views import Money


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a merchant may issue in one fixed window; `period_seconds` 0 = for ever. `next_*` acts at `next_at`."""

    points: int
    period_seconds: int
    used: int  # in the current window, entries on their way included
    next_points: int | None = None
    next_period_seconds: int | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Merchant:
    id: str
    created_at: datetime
    name: str
    party: int
    ceiling: Ceiling


@dataclass(frozen=True, slots=True)
class Store:
    id: str
    created_at: datetime
    merchant_id: str
    external_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. `merchant_id` None: an admin key."""

    id: str
    created_at: datetime
    name: str
    merchant_id: str | None
    scopes: tuple[str, ...]
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewApiKeyView:
    """A key just made; `secret` is shown here and never again."""

    api_key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RulesetView:
    """One version of the rules. `state`: draft, publishing, published; `document` is the RFC 8785 JSON that is
    hashed.
    """

    hash: str
    document: str
    base_hash: str | None
    state: str
    effective_at: datetime | None
    created_at: datetime
    drafted_by: str | None  # None: not known
    published_by: str | None


@dataclass(frozen=True, slots=True)
class ProgramTotals:
    """Σ over the program, by kind, all ≥ 0; `outstanding` = Σ entries."""

    issued: int
    redeemed: int
    expired: int
    reversed: int
    restored: int
    donated: int
    adjusted_up: int
    adjusted_down: int
    outstanding: int
    pending: int
    debt: int
    members: int


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    currency: str
    chain_id: int
    contract: str | None
    promise_address: str
    embedded: bool
    notice_period_seconds: int
    paused: bool
    sunset_at: datetime | None
    created_at: datetime
    ruleset: RulesetView | None
    next_ruleset: RulesetView | None


@dataclass(frozen=True, slots=True)
class ProgramBooks(Program):
    """With its totals. They are sums over everything there is: not for what is asked often."""

    totals: ProgramTotals
    liability: Money  # outstanding points at the ruleset's point value, rounded up
