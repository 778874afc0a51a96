"""Points given by hand under the limits of a day: of the member, the merchant and the programme, and of whoever gives them
(docs/rulesets.md "By hand").

With `limits.count_manual` an issuance by hand takes from the same days as purchases do, and is refused where they hold less.
What one person or key may issue in a day, or put right alone, is a budget of its own, known by a name that says nothing of who
they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

from token_service.errors import ApprovalNeeded, LimitExceeded
from token_service.program.caps import MERCHANT_DAY, PROGRAM_DAY, Budget, Cap
from token_service.program.schema import Ruleset

MEMBER_DAY: Final = "per_member_day_points"
ISSUED_DAY: Final = "manual_issuance_day_points"
ADJUSTED_DAY: Final = "adjustment_day_points"
_ONES_OWN: Final = {ISSUED_DAY: "issued", ADJUSTED_DAY: "adjusted"}
_NAME_LENGTH: Final = 20

Left = Callable[[Budget], int]


class ByHand(NamedTuple):
    """Points that somebody issued by hand: with which merchant, on which local date, who."""

    merchant: str
    date: str
    actor: str
    points: int


def caps_by_hand(ruleset: Ruleset, given: ByHand) -> tuple[Cap, ...]:
    """The days of everybody that an issuance by hand comes under; no store's, as it happens in none."""
    if not ruleset.limits.count_manual:
        return ()
    most = {MERCHANT_DAY: ruleset.limits.per_merchant_day_points, PROGRAM_DAY: ruleset.limits.program_day_points}
    whose, day = {MERCHANT_DAY: given.merchant, PROGRAM_DAY: "program"}, _day(given.date)
    return tuple(
        Cap(name, Budget(f"{day}/{whose[name]}", points)) for name, points in most.items() if points is not None
    )


def ones_own_day(ruleset: Ruleset, limit: str, *, date: str, actor: str) -> Cap | None:
    """What one person may issue (ISSUED_DAY) or put right alone (ADJUSTED_DAY) on a date; None for any number of points."""
    most = getattr(ruleset.limits, limit)
    if most is None:
        return None
    name = hashlib.sha256(actor.encode()).hexdigest()[:_NAME_LENGTH]
    return Cap(limit, Budget(f"{_day(date)}/{_ONES_OWN[limit]}/{name}", most))


def check_issued_by_hand(ruleset: Ruleset, given: ByHand, *, day_points: int, left: Left) -> None:
    """Raises LimitExceeded, with the limit's `key`, its figure and what `remaining` of it, at the first day that holds less than
    is asked. `day_points` is what the member's date keeps so far.
    """
    limits, own = ruleset.limits, ones_own_day(ruleset, ISSUED_DAY, date=given.date, actor=given.actor)
    rooms = [] if own is None else [(own.limit, own.budget.points, left(own.budget))]
    if limits.count_manual and limits.per_member_day_points is not None:
        most = limits.per_member_day_points
        rooms.append((MEMBER_DAY, most, max(0, most - day_points)))
    rooms += [(cap.limit, cap.budget.points, left(cap.budget)) for cap in caps_by_hand(ruleset, given)]
    for name, most, remaining in rooms:
        if given.points > remaining:
            key = f"limits.{name}"
            said = f"The day's limit leaves {remaining} of {most} points ({key})."
            raise LimitExceeded(said, key=key, limit=most, remaining=remaining)


def held_by_hand(ruleset: Ruleset, given: ByHand, kept: int) -> dict[str, int]:
    """What an issuance by hand holds of each day, by the name under which it is counted, when `kept` of it was not taken back.
    A person's own day keeps all of it: giving and taking back must not make room to give again.
    """
    held = {cap.budget.id: kept for cap in caps_by_hand(ruleset, given)}
    own = ones_own_day(ruleset, ISSUED_DAY, date=given.date, actor=given.actor)
    return held if own is None else held | {own.budget.id: given.points}


def check_adjusted_alone(ruleset: Ruleset, points: int, *, date: str, actor: str, left: Left) -> None:
    """Raises ApprovalNeeded where so many points, up or down, are more than one person may put right at once, or are left of
    their day.
    """
    limit, size = ruleset.limits.adjustment_points, abs(points)
    if limit is not None and size > limit:
        said = "so large an adjustment needs a second person: propose it"
        raise ApprovalNeeded(said, key="limits.adjustment_points", limit=limit)
    own = ones_own_day(ruleset, ADJUSTED_DAY, date=date, actor=actor)
    if own is not None and size > (remaining := left(own.budget)):
        said = "this is more than one person may put right in a day: propose it to a second person"
        raise ApprovalNeeded(said, key=f"limits.{ADJUSTED_DAY}", limit=own.budget.points, remaining=remaining)


def check_imported_alone(ruleset: Ruleset, points: int, *, to_come: int, date: str, actor: str, left: Left) -> None:
    """Raises ApprovalNeeded where a file that brings in so many points altogether is more than one person may put right at once,
    or what is still `to_come` of it more than is left of their day: a file is one decision, however many rows it has.
    """
    limit = ruleset.limits.adjustment_points
    if limit is not None and points > limit:
        said = "a file with so many points needs a second person"
        raise ApprovalNeeded(said, key="limits.adjustment_points", limit=limit)
    own = ones_own_day(ruleset, ADJUSTED_DAY, date=date, actor=actor)
    if own is not None and to_come > (remaining := left(own.budget)):
        said = "a file with more points than one person may put right in a day needs a second person"
        raise ApprovalNeeded(said, key=f"limits.{ADJUSTED_DAY}", limit=own.budget.points, remaining=remaining)


def held_alone(ruleset: Ruleset, points: int, *, date: str, actor: str) -> dict[str, int]:
    """What an adjustment that nobody else approved holds of the person's day."""
    own = ones_own_day(ruleset, ADJUSTED_DAY, date=date, actor=actor)
    return {} if own is None else {own.budget.id: abs(points)}


def _day(date: str) -> str:
    return date.replace("-", "")
