"""What a member's points should be, in a few lines of Python that share nothing with the ledger: lists, minimums and
sums.

Rules of the model: a point for each 100 cents, a return window of 2 days, points expire 10 days after they were
earned, restored ones whose date has passed 30 days after they came back. The times of two things are never equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

WINDOW, LIFE, GRACE = timedelta(days=2), timedelta(days=10), timedelta(days=30)
DOCUMENT = """
ruleset: 1
program: {name: Model, currency: EUR, time_zone: UTC}
earning: [{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]
return_window: P2D
expiry: {kind: fixed, period: P10D}
restoration_grace: P30D
limits: {manual_issuance_points: 500}
rewards: [{id: treat, kind: gift, points: 40}]
"""


@dataclass
class Lot:
    source: int  # the purchase, issuance or adjustment that made it
    earned: datetime
    until: datetime
    left: int
    is_own: bool = False  # the programme itself stands behind it, not a merchant
    expired: int = 0


@dataclass
class Bought:
    total: int
    at: datetime
    awarded: int
    kept: int
    refunded: int = 0
    taken: int = 0
    is_pending: bool = True
    multiplier: int = 1


@dataclass
class Issued:
    points: int
    asked: int = 0
    taken: int = 0


@dataclass
class Spent:
    parts: list[tuple[Lot, int]]


@dataclass
class Model:
    """One member. Every method answers what moved, as the ledger would list it."""

    lots: list[Lot] = field(default_factory=list)
    moves: list[tuple[str, int]] = field(default_factory=list)
    debts: list[list[int]] = field(default_factory=list)  # [source, points]
    bought: dict[int, Bought] = field(default_factory=dict)
    issued: dict[int, Issued] = field(default_factory=dict)
    spent: dict[int, Spent] = field(default_factory=dict)

    # --- what other rules do differently ----------------------------------------------------------------------------

    def multiplier(self, now: datetime) -> int:
        return 1

    def was_active(self, now: datetime) -> None:
        """Nothing: points expire on their day."""

    def until(self, earned: datetime) -> datetime:
        return earned + LIFE

    def tier(self, now: datetime) -> str | None:
        return None

    # --- what happens -----------------------------------------------------------------------------------------------

    @property
    def available(self) -> int:
        return sum(lot.left for lot in self.lots)

    @property
    def pending(self) -> int:
        return sum(one.kept for one in self.bought.values() if one.is_pending)

    @property
    def debt(self) -> int:
        return sum(points for _, points in self.debts)

    def usable(self, now: datetime) -> int:
        return sum(lot.left for lot in self.lots if lot.until > now)

    def buy(self, source: int, total: int, now: datetime) -> None:
        multiplier = self.multiplier(now)
        points = total // 100 * multiplier
        self.bought[source] = Bought(total, now, points, points, is_pending=points > 0, multiplier=multiplier)
        self.was_active(now)

    def refund(self, source: int, amount: int, now: datetime) -> tuple[int, int, int]:
        """(cancelled while pending, reversed, made debt)"""
        one = self.bought[source]
        one.refunded += amount
        before, one.kept = one.kept, (one.total - one.refunded) // 100 * one.multiplier
        if one.is_pending:
            one.is_pending = one.kept > 0
            one.taken += before - one.kept
            return before - one.kept, 0, 0
        points = self._take_back(source, one.awarded, one.kept, one.taken, now)
        one.taken += points
        return (0, *self._reverse(source, points, now))

    def issue(self, source: int, points: int, now: datetime) -> None:
        self.issued[source] = Issued(points)
        self._credit("issuance", source, points, now, now)

    def reverse(self, source: int, points: int, now: datetime) -> tuple[int, int]:
        one = self.issued[source]
        one.asked += points
        take = self._take_back(source, one.points, one.points - one.asked, one.taken, now)
        one.taken += take
        return self._reverse(source, take, now)

    def redeem(self, source: int, points: int, now: datetime) -> None:
        self.sweep(now)
        self.spent[source] = Spent(self._take(sorted(self.lots, key=lambda lot: (lot.until, lot.earned)), points))
        self.moves.append(("redemption", -points))
        self.was_active(now)

    def restore(self, source: int, points: int, now: datetime) -> None:
        parts = sorted(self.spent[source].parts, key=lambda part: (part[0].until, part[0].earned), reverse=True)
        rest = []
        self.moves.append(("restoration", points))
        for lot, taken in parts:
            back = min(points, taken)
            points -= back
            if back:
                lot.left += back
                lot.until = lot.until if lot.until > now else now + GRACE
            if taken > back:
                rest.append((lot, taken - back))
        self.spent[source].parts = rest

    def adjust(self, source: int, points: int, now: datetime) -> None:
        if points > 0:
            self._credit("adjustment", source, points, now, now)
            return
        self.sweep(now)
        self._take(sorted(self.lots, key=lambda lot: (lot.until, lot.earned)), -points)
        self.moves.append(("adjustment", points))

    def run_due(self, now: datetime) -> None:
        for source, one in self.bought.items():
            if one.is_pending and one.at + WINDOW <= now:
                one.is_pending = False
                self._credit("issuance", source, one.kept, one.at, now)
        self.sweep(now)

    def sweep(self, now: datetime) -> None:
        """One expiry for what the programme issued, one for what the merchant did."""
        for is_own in (True, False):
            gone = 0
            for lot in self.lots:
                if lot.until <= now and lot.is_own == is_own:
                    gone, lot.expired, lot.left = gone + lot.left, lot.expired + lot.left, 0
            if gone:
                self.moves.append(("expiry", -gone))

    def _credit(self, kind: str, source: int, points: int, earned: datetime, now: datetime) -> None:
        self.lots.append(Lot(source, earned, self.until(earned), points, is_own=kind == "adjustment"))
        self.moves.append((kind, points))
        if self.debts:
            self.sweep(now)
        for debt in self.debts:
            paid = min(debt[1], self.available)
            if paid:
                self._take(self._own_first(debt[0]), paid)
                self.moves.append(("reversal", -paid))
                debt[1] -= paid
        self.debts = [debt for debt in self.debts if debt[1]]

    def _take_back(self, source: int, awarded: int, kept: int, taken: int, now: datetime) -> int:
        own = [lot for lot in self.lots if lot.source == source]
        expired = sum(lot.expired + (lot.left if lot.until <= now else 0) for lot in own)
        return max(0, min(awarded - kept, awarded - expired) - taken)

    def _reverse(self, source: int, points: int, now: datetime) -> tuple[int, int]:
        if not points:
            return 0, 0
        self.sweep(now)
        moved = min(points, self.available)
        if moved:
            self._take(self._own_first(source), moved)
            self.moves.append(("reversal", -moved))
        if points > moved:
            self.debts.append([source, points - moved])
        return moved, points - moved

    def _own_first(self, source: int) -> list[Lot]:
        return sorted(self.lots, key=lambda lot: (lot.source != source, lot.until, lot.earned))

    @staticmethod
    def _take(lots: list[Lot], points: int) -> list[tuple[Lot, int]]:
        parts = []
        for lot in lots:
            part = min(points, lot.left)
            if part:
                lot.left -= part
                points -= part
                parts.append((lot, part))
        assert points == 0
        return parts


TIER_WINDOW, TIER_GRACE, GOLD_CENTS = timedelta(days=5), timedelta(days=1), 20_000
ACTIVE_DOCUMENT = DOCUMENT.replace("{kind: fixed, period: P10D}", "{kind: inactivity, period: P10D}") + (
    "tiers: {qualify_by: spend, window: {kind: rolling, period: P5D}, downgrade: {after: window, grace: P1D, steps: 1}, "
    "levels: [{id: bronze, from: 0}, {id: gold, from: 20000, multiplier_percent: 200}]}\n"
)


@dataclass
class ActiveModel(Model):
    """Points live 10 days from the last purchase or redemption, and 200.00 in 5 days make a purchase count double. Gold
    is kept for a day after the 5 days no longer hold enough.
    """

    last_active: datetime | None = None

    def multiplier(self, now: datetime) -> int:
        return 2 if self.tier(now) == "gold" else 1

    def was_active(self, now: datetime) -> None:
        self.last_active = now
        for lot in self.lots:
            if lot.left and lot.until > now:
                lot.until = max(lot.until, now + LIFE)

    def until(self, earned: datetime) -> datetime:
        return max(earned, self.last_active or earned) + LIFE

    def tier(self, now: datetime) -> str | None:
        """Gold while the window holds enough, and for the grace after the last instant at which it fell short."""
        spent = [(one.at, one.total - one.refunded) for one in self.bought.values()]
        if sum(cents for at, cents in spent if at <= now < at + TIER_WINDOW) >= GOLD_CENTS:
            return "gold"
        fell_at = [
            end
            for end in (at + TIER_WINDOW for at, _ in spent)
            if end <= now
            and sum(cents for at, cents in spent if at <= end < at + TIER_WINDOW) < GOLD_CENTS
            and sum(cents for at, cents in spent if at < end <= at + TIER_WINDOW) >= GOLD_CENTS
        ]
        return "gold" if fell_at and now < max(fell_at) + TIER_GRACE else "bronze"
