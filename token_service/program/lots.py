"""Lots: what is left of each credit, and when it expires. A pure engine; the ledger stores what it answers.

Every change is a `Use` (points of one lot, signed, and the lot's date from then on). Uses are append-only, so lots can
be replayed from them at any time. Debits take the earliest expiry first, then the earliest issuance; what never expires
goes last (DESIGN §3.5). Points whose date has passed are never consumed, reversed or held: `expire` them first, in the
same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from token_service.errors import InsufficientBalance, InvalidInput, InvariantBroken
from token_service.program.expiry import restored_until
from token_service.program.schema import Ruleset

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of one credit: 0 ≤ left ≤ points. It is gone at `expires_at`, not after it; None is never. `keeps_date`: its
    award had an expiry of its own, so no activity moves it.
    """

    id: str
    operation_id: str | None
    points: int
    left: int
    issued_at: datetime
    expires_at: datetime | None
    keeps_date: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.left <= self.points:
            raise InvariantBroken("A lot holds less than nothing or more than was issued.", lot=self.id)


@dataclass(frozen=True, slots=True)
class Use:
    """One change of one lot: points taken (−) or brought back (+), and its date from here on. 0 points only move the date."""

    lot_id: str
    points: int
    expires_at: datetime | None


def is_expired(lot: Lot, at: datetime) -> bool:
    """Whether the lot's date has come at `at`."""
    return lot.expires_at is not None and lot.expires_at <= at


def consumption_order(lot: Lot) -> tuple[datetime, datetime, str]:
    """Sort key of debits: earliest expiry, then earliest issuance, then id."""
    return (lot.expires_at or _NEVER, lot.issued_at, lot.id)


def available(lots: Iterable[Lot], at: datetime) -> int:
    """Points that have not expired at `at`."""
    return sum(lot.left for lot in lots if not is_expired(lot, at))


def consume(lots: Iterable[Lot], points: int, *, at: datetime) -> tuple[Use, ...]:
    """Uses that take exactly `points`, in the order of debits. Raises InsufficientBalance with what is missing."""
    stock = tuple(lots)
    _check_positive(points)
    left = available(stock, at)
    if left < points:
        raise InsufficientBalance("There are not enough points.", available=left, missing_points=points - left)
    return _take(sorted(stock, key=consumption_order), points, at)


def reverse(lots: Iterable[Lot], points: int, *, operation_id: str, at: datetime) -> tuple[Use, ...]:
    """Uses that take back up to `points` of an operation: its own lots first, then the others in the order of debits.

    Takes what is there; the sum may fall short of `points`, and the shortfall is the caller's to record as debt (DESIGN
    §3.4).
    """
    _check_positive(points)
    own_first = sorted(lots, key=lambda lot: (lot.operation_id != operation_id, *consumption_order(lot)))
    return _take(own_first, points, at)


def expire(lots: Iterable[Lot], at: datetime) -> tuple[Use, ...]:
    """Uses that empty every lot whose date has come at `at`."""
    return tuple(
        Use(lot.id, -lot.left, lot.expires_at)
        for lot in sorted(lots, key=consumption_order)
        if lot.left and is_expired(lot, at)
    )


def outstanding(uses: Iterable[Use]) -> dict[str, int]:
    """Points of each lot that a debit took and that were not yet brought back: the sum of its uses, without zeros."""
    taken: dict[str, int] = {}
    for use in uses:
        taken[use.lot_id] = taken.get(use.lot_id, 0) - use.points
    return {lot_id: points for lot_id, points in taken.items() if points}


def restore(
    uses: Iterable[Use], lots: Iterable[Lot], points: int, *, ruleset: Ruleset, now: datetime
) -> tuple[Use, ...]:
    """Uses that bring back `points` of a redemption to the lots they came from, last consumed first.

    `uses` are the redemption's own and those of its earlier restorations. A date that has passed becomes now + the
    ruleset's grace. Raises InvalidInput when more would come back than was taken.
    """
    _check_positive(points)
    taken = outstanding(uses)
    if points > sum(taken.values()):
        raise InvalidInput("More points would come back than were taken.")
    origin = sorted((lot for lot in lots if lot.id in taken), key=consumption_order, reverse=True)
    if len(origin) != len(taken):
        raise InvariantBroken("A redemption names lots that are not there.")
    back: list[Use] = []
    for lot in origin:
        part = min(points, taken[lot.id])
        if part:
            back.append(Use(lot.id, part, restored_until(ruleset, lot.expires_at, now)))
            points -= part
    return tuple(back)


def apply(lots: Iterable[Lot], uses: Iterable[Use]) -> tuple[Lot, ...]:
    """The lots after the uses, in their first order. Raises InvariantBroken for an unknown lot or an impossible amount."""
    return _run({lot.id: lot for lot in lots}, uses)


def replay(steps: Iterable[Lot | Use]) -> tuple[Lot, ...]:
    """The lots after all that ever happened to them, in the order in which they were made.

    A `Lot` among the steps is a credit: it begins full. Raises InvariantBroken when a step is impossible.
    """
    return _run({}, steps)


def _run(state: dict[str, Lot], steps: Iterable[Lot | Use]) -> tuple[Lot, ...]:
    for step in steps:
        if isinstance(step, Lot):
            if step.id in state:
                raise InvariantBroken("A lot was made twice.", lot=step.id)
            state[step.id] = replace(step, left=step.points)
            continue
        lot = state.get(step.lot_id)
        if lot is None:
            raise InvariantBroken("A use names a lot that is not there.", lot=step.lot_id)
        state[lot.id] = replace(lot, left=lot.left + step.points, expires_at=step.expires_at)
    return tuple(state.values())


def _take(ordered: Iterable[Lot], points: int, at: datetime) -> tuple[Use, ...]:
    taken: list[Use] = []
    for lot in ordered:
        part = 0 if is_expired(lot, at) else min(points, lot.left)
        if part:
            taken.append(Use(lot.id, -part, lot.expires_at))
            points -= part
    return tuple(taken)


def _check_positive(points: int) -> None:
    if points < 1:
        raise InvalidInput("Points must be at least 1.")
