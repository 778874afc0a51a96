"""What the auditor must remember between blocks: small, whatever the number of entries, and kept in checkpoints as
JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from token_service.protocol.contract_state import Totals
from token_service.units import EntryKind

DAY_SECONDS: Final = 86_400
TOTAL_NAMES: Final = {
    EntryKind.ISSUANCE: "issued",
    EntryKind.REDEMPTION: "redeemed",
    EntryKind.EXPIRY: "expired",
    EntryKind.REVERSAL: "reversed",
    EntryKind.RESTORATION: "restored",
    EntryKind.DONATION: "donated",
    EntryKind.ADJUSTMENT_UP: "adjusted_up",
    EntryKind.ADJUSTMENT_DOWN: "adjusted_down",
    EntryKind.MOVE_OUT: "moved_out",
    EntryKind.MOVE_IN: "moved_in",
}


@dataclass(slots=True)
class Lane:
    """One operator: `debited` points on `day` (days since 1970); a higher limit waits until `raises_at` (0 = none)."""

    seq: int = 0
    limit: int = 0
    debited: int = 0
    day: int = 0
    raises_at: int = 0
    next_limit: int = 0

    def advance(self, timestamp: int) -> None:
        """Brings the lane to a block's time: a raise that is due acts, another day starts at 0."""
        if self.raises_at and timestamp >= self.raises_at:
            self.limit, self.raises_at = self.next_limit, 0
        if self.day != timestamp // DAY_SECONDS:
            self.day, self.debited = timestamp // DAY_SECONDS, 0


@dataclass(slots=True)
class Party:
    """One issuer: `issued` points in `window` (`time // period`, 0 if the period is 0); a raise waits until
    `raises_at`. `entries` and `points` are all that was ever applied under its number, whatever the kind.
    """

    ceiling: int = 0
    issued: int = 0
    window: int = 0
    period: int = 0
    raises_at: int = 0
    next_ceiling: int = 0
    next_period: int = 0
    is_set: bool = False
    name: str = ""
    entries: int = 0
    points: int = 0

    def advance(self, timestamp: int) -> None:
        """Brings the party to a block's time. What was issued in the window of a raise counts on in its first
        window.
        """
        if self.raises_at and timestamp >= self.raises_at:
            at, self.raises_at = self.raises_at, 0
            self._enter(at)
            self.set_ceiling(self.next_ceiling, self.next_period, at)
        self._enter(timestamp)

    def set_ceiling(self, ceiling: int, period: int, at: int) -> None:
        """Another ceiling and period from `at` on."""
        self.ceiling, self.period = ceiling, period
        self.window = at // period if period else 0

    def _enter(self, timestamp: int) -> None:
        window = timestamp // self.period if self.period else 0
        if window != self.window:
            self.window, self.issued = window, 0


@dataclass(frozen=True, slots=True)
class PublishedRuleset:
    """A ruleset as published; `base` None unless it is an addendum."""

    effective_at: int
    published_at: int
    base: str | None


@dataclass(slots=True)
class Counts:
    """What was read since the contract was made."""

    transactions: int = 0
    batches: int = 0
    entries: int = 0
    skipped: int = 0
    transfers: int = 0
    leaves: int = 0
    facts: int = 0


@dataclass(slots=True)
class Openings:
    """What was opened. Points are those of applied entries. `stopped` accounts were replayed in part only; `waiting` ones have a
    leaf whose turn has not come; `merchants` have these party numbers; `not_interpreted` counts kinds of facts.
    """

    opened: int = 0
    erased: int = 0
    withheld: int = 0
    opened_points: int = 0
    erased_points: int = 0
    withheld_points: int = 0
    accounts: int = 0
    stopped: int = 0
    stopped_why: str | None = None
    overdue_awards: int = 0
    overdue_points: int = 0
    unproved_batches: int = 0
    not_interpreted: dict[str, int] = field(default_factory=dict)
    merchants: dict[str, int] = field(default_factory=dict)
    brought_in: dict[str, int] = field(default_factory=dict)  # points, by what an earlier programme was called
    waiting: set[str] = field(default_factory=set)

    @property
    def points(self) -> int:
        """Points of all applied entries that were looked at."""
        return self.opened_points + self.erased_points + self.withheld_points

    def add(self, how: str, points: int) -> None:
        """Counts a leaf that is "opened", "erased" or "withheld"."""
        setattr(self, how, getattr(self, how) + 1)
        setattr(self, f"{how}_points", getattr(self, f"{how}_points") + points)


@dataclass(slots=True)
class State:
    """The replayed contract: operators and accounts by address, parties by number, rulesets by hash, points by day (since 1970)
    and total.
    """

    lanes: dict[str, Lane] = field(default_factory=dict)
    parties: dict[int, Party] = field(default_factory=dict)
    rulesets: dict[str, PublishedRuleset] = field(default_factory=dict)
    last_line_effective_at: int | None = None
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Totals.__dataclass_fields__, 0))
    self_custody: dict[str, int] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    settlers: set[str] = field(default_factory=set)
    paused_until: int = 0
    sunset_at: int = 0
    sunset_announced_at: int = 0
    transfers_open_at: int = 0
    counts: Counts = field(default_factory=Counts)
    openings: Openings = field(default_factory=Openings)
    days: dict[int, dict[str, int]] = field(default_factory=dict)

    def lane(self, operator: str) -> Lane:
        """The operator's lane, a fresh one if it was never seen."""
        return self.lanes.setdefault(operator, Lane())

    def add_total(self, kind: int, amount: int, timestamp: int) -> None:
        """Counts an applied entry of a contract's kind 1 … 10, in all and on its day (UTC)."""
        self.count(TOTAL_NAMES[EntryKind(kind)], amount, timestamp)

    def count(self, name: str, amount: int, timestamp: int) -> None:
        """Counts points of one of the contract's totals, in all and on the day (days since 1970)."""
        self.totals[name] += amount
        day = self.days.setdefault(timestamp // DAY_SECONDS, {})
        day[name] = day.get(name, 0) + amount
