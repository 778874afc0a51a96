"""A member's account while a transaction works on it: the locked row, its lots and its history, in memory.

Use cases change it through posting.py; `Transaction.flush` writes what changed. Lots and history are read only when
needed.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from token_service.ledger.staged import BenefitUse
from token_service.program.challenges import Counted
from token_service.program.events import RuleUse
from token_service.program.facts import PurchaseFacts
from token_service.program.lots import Lot
from token_service.program.memberships import Period
from token_service.program.tiers import Qualification
from token_service.program.visits import Visited


@dataclass(frozen=True, slots=True)
class StoredLot:
    """A lot with what the ledger knows of it beside the engine's figures; `held` of its points are set aside by holds."""

    lot: Lot
    party: int
    ruleset_hash: str
    is_new: bool = False
    held: int = 0

    @property
    def free(self) -> Lot:
        """The lot without what is set aside."""
        return replace(self.lot, left=self.lot.left - self.held) if self.held else self.lot


Dates = tuple[tuple[datetime, int], ...]
"""When how many points expire, soonest first."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a balance says beside the account's own figures.

    `on_its_way`: signed points of entries that are not final; `waits`: whether anything is, facts too.
    """

    on_its_way: int = 0
    waits: bool = False
    block: int | None = None  # the final one
    dates: Dates = ()


@dataclass(slots=True)
class Account:
    """One member, locked. The figures are those of the row, changed as entries are posted."""

    id: str
    merchant_id: str
    address: str
    lane: int
    sealed_salt_key: bytes | None
    state: str
    frozen: bool
    created_at: datetime
    available: int
    held: int
    pending: int
    debt: int
    issued: int
    redeemed: int
    expired: int
    reversed: int
    tier: str | None
    tier_due_at: datetime | None
    notice_due_at: datetime | None
    purchase_count: int
    last_activity_at: datetime | None
    leaf_count: int
    segments: str | None
    merged_into: str | None
    carried_visit: str | None
    is_changed: bool = False
    lots: dict[str, StoredLot] = field(default_factory=dict)
    changed_lots: set[str] = field(default_factory=set)
    lots_are_loaded: bool = False
    history: dict[str, Qualification] | None = None  # by purchase
    last_purchase: PurchaseFacts | None = None
    last_purchase_is_loaded: bool = False
    visited: list[Visited] | None = None  # by every purchase, once read, where the rules ask
    day_points: dict[str, int] = field(default_factory=dict)  # by local date: kept points of the day's purchases
    challenge_steps: dict[str, dict[str, Counted]] = field(
        default_factory=dict
    )  # by challenge and operation, once read
    completions: dict[str, str] | None = None  # event of each completion that stands, by subject
    periods: dict[str, Period] | None = None  # of memberships, by event, once read
    benefit_uses: dict[str, BenefitUse] | None = None  # by operation, once read
    event_uses: dict[str, list[RuleUse]] = field(default_factory=dict)  # by limited rule, as stored, once read
    surroundings: Surroundings | None = None  # read ahead: as they were when the account was locked

    @property
    def balance(self) -> int:
        """The sum of the entries."""
        return self.available + self.held

    def snapshot(self) -> Account:
        """A copy to go back to; what it holds is immutable or copied."""
        other = copy(self)
        other.lots = dict(self.lots)
        other.changed_lots = set(self.changed_lots)
        other.history = None if self.history is None else dict(self.history)
        other.day_points = dict(self.day_points)
        other.visited = None if self.visited is None else list(self.visited)
        other.challenge_steps = {name: dict(steps) for name, steps in self.challenge_steps.items()}
        other.periods = None if self.periods is None else dict(self.periods)
        other.benefit_uses = None if self.benefit_uses is None else dict(self.benefit_uses)
        other.completions = None if self.completions is None else dict(self.completions)
        return other


FIGURES = (
    "available",
    "held",
    "pending",
    "debt",
    "issued",
    "redeemed",
    "expired",
    "reversed",
    "tier",
    "tier_due_at",
    "notice_due_at",
    "purchase_count",
    "last_activity_at",
    "leaf_count",
    "carried_visit",
    "frozen",
)
"""Columns of `members` that a transaction may change."""
