"""Which level a member holds, how far the next one is: a pure function of what purchases, net of refunds, and events count for.

A purchase counts from its instant until it leaves the window. A level is reached at once, on the purchase that makes
the figure at least its threshold. Who holds a level, or a higher one, is carried by it while the figure is at least its
`keep` (its threshold without one). When the window no longer carries the level, it is kept for the grace, then goes down
by `steps` levels (all the way without `steps`), again after each further grace, never below what the window carries.
Source: docs/rulesets.md "Tiers".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Final

from token_service.program.durations import add, start_of_next_year
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import Refund, left_after
from token_service.program.schema import Level, Ruleset, Tiers, benefit_id
from token_service.program.tier_schema import CalendarYearWindow, RollingWindow

_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Qualification:
    """What one purchase counts for now, after its refunds: cents paid, points kept (redeeming takes nothing away), and whether it
    is an order (1) or came back whole (0). An event counts for its points and, if it earned any, as engagement."""

    at: datetime
    spend: int
    points: int
    orders: int
    engagement: int = 0


@dataclass(frozen=True, slots=True)
class Measures:
    """What a member's window holds of each thing that levels may count."""

    spend: int
    points: int
    orders: int
    engagement: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's level at an instant.

    `figure` is what the window holds; `missing` what it needs more for `next_tier` (None at the top). `keeps_until` is
    the instant of the next step down, once the window no longer carries the level.
    """

    tier: str | None
    multiplier_percent: int
    benefits: tuple[str, ...]
    figure: int
    next_tier: str | None
    missing: int | None
    keeps_until: datetime | None


def qualification(facts: PurchaseFacts, refunds: tuple[Refund, ...], kept_points: int) -> Qualification:
    """What a purchase counts for after `refunds`; `kept_points` is what it keeps of its award."""
    if not refunds:
        return Qualification(at=facts.occurred_at, spend=facts.total, points=kept_points, orders=1)
    left = left_after(facts, refunds)
    return Qualification(at=facts.occurred_at, spend=left.total, points=kept_points, orders=int(not left.is_empty))


def first_tier(ruleset: Ruleset) -> str | None:
    """The level of a member without any history."""
    if ruleset.tiers is None:
        return None
    return next((level.id for level in reversed(ruleset.tiers.levels) if level.threshold == 0), None)


def tier_at(ruleset: Ruleset, history: Iterable[Qualification], at: datetime) -> str | None:
    """Id of the level held at `at`; None without tiers or below the lowest level."""
    return standing_at(ruleset, history, at).tier


def standing_at(ruleset: Ruleset, history: Iterable[Qualification], at: datetime) -> Standing:
    """The member's level at `at`, its benefits and the way to the next. Purchases after `at` don't count."""
    tiers = ruleset.tiers
    if tiers is None:
        return Standing(None, 100, (), 0, None, None, None)
    time_zone = ruleset.program.time_zone
    steps = _figure_steps(tiers, history, at, time_zone)
    held, below_since = _walk(tiers, steps, at, time_zone)
    figure = steps[-1][1] if steps else 0
    level = tiers.levels[held] if held != _NONE else None
    following = next((candidate for candidate in tiers.levels[held + 1 :]), None)
    return Standing(
        tier=level.id if level else None,
        multiplier_percent=level.multiplier_percent if level else 100,
        benefits=tuple(map(benefit_id, level.benefits)) if level else (),
        figure=figure,
        next_tier=following.id if following else None,
        missing=max(0, following.threshold - figure) if following else None,
        keeps_until=_grace_end(tiers, below_since, time_zone) if below_since else None,
    )


def levels_above(ruleset: Ruleset, level_id: str | None) -> tuple[Level, ...]:
    """The levels higher than this one, from low to high; all of them above none. What keeps a level may be less than a lower one
    takes, so that the figure alone does not tell.
    """
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    held = next((index for index, level in enumerate(levels) if level.id == level_id), _NONE)
    return levels[held + 1 :]


def measures_at(ruleset: Ruleset, history: Iterable[Qualification], at: datetime) -> Measures:
    """All that the window of the rules' levels holds at `at`, also what no level counts; of everything without levels."""
    tiers = ruleset.tiers
    leaves = (lambda _: None) if tiers is None else _leaving(tiers, ruleset.program.time_zone)
    held = [entry for entry in history if entry.at <= at and ((end := leaves(entry.at)) is None or end > at)]
    return Measures(
        spend=sum(entry.spend for entry in held),
        points=sum(entry.points for entry in held),
        orders=sum(entry.orders for entry in held),
        engagement=sum(entry.engagement for entry in held),
    )


def _figure_steps(
    tiers: Tiers, history: Iterable[Qualification], at: datetime, time_zone: str
) -> list[tuple[datetime, int]]:
    """(instant, figure from then on) up to `at`, in time order, one for each instant at which the figure may change."""
    changes: dict[datetime, int] = {}
    amount_of, leaves = attrgetter(tiers.qualify_by), _leaving(tiers, time_zone)
    for entry in history:
        entered_at = entry.at
        if entered_at > at:
            continue
        amount = amount_of(entry)
        changes[entered_at] = changes.get(entered_at, 0) + amount
        leaves_at = leaves(entered_at)
        if leaves_at is not None and leaves_at <= at:
            changes[leaves_at] = changes.get(leaves_at, 0) - amount
    steps, figure = [], 0
    for instant in sorted(changes):
        figure += changes[instant]
        steps.append((instant, figure))
    return steps


@lru_cache(maxsize=65_536)
def _rolling_end(entered_at: datetime, period: str, time_zone: str) -> datetime:
    """Kept: each later purchase of a member asks again for every earlier one, and the calendar is most of the work."""
    return add(entered_at, period, time_zone)


def _leaving(tiers: Tiers, time_zone: str) -> Callable[[datetime], datetime | None]:
    """Gives for a purchase's instant the first one at which it no longer counts; None is never."""
    window = tiers.window
    if isinstance(window, RollingWindow):
        period = window.period
        return lambda entered_at: _rolling_end(entered_at, period, time_zone)
    if isinstance(window, CalendarYearWindow):
        return lambda entered_at: start_of_next_year(entered_at, time_zone)
    return lambda _: None


def _walk(tiers: Tiers, steps: list[tuple[datetime, int]], at: datetime, time_zone: str) -> tuple[int, datetime | None]:
    """Index of the level held at `at`, and since when the window has not carried it (or since the last step down)."""
    thresholds = [level.threshold for level in tiers.levels]
    keeps = [level.kept_from for level in tiers.levels]
    held, below_since = _reached(thresholds, 0), None
    ends = [instant for instant, _ in steps[1:]] + [None]
    for (instant, figure), following in zip(steps, ends, strict=False):
        carried = _carried(keeps, held, figure, _reached(thresholds, figure))
        if carried >= held or _never_goes_down(tiers):
            held, below_since = max(held, carried), None
            continue
        below_since = below_since or instant
        while below_since is not None:
            end = _grace_end(tiers, below_since, time_zone)
            if end > at or (
                following is not None and end >= following
            ):  # a purchase at that very instant saves the level
                break
            held = max(carried, held - (_steps_down(tiers) or len(tiers.levels)))
            below_since = end if held > carried else None
    return held, below_since


def _reached(thresholds: Sequence[int], figure: int) -> int:
    """Index of the highest level whose threshold, of ascending ones, the figure reaches; −1 below the lowest."""
    return bisect_right(thresholds, figure) - 1


def _carried(keeps: Sequence[int], held: int, figure: int, reached: int) -> int:
    """Index of the highest level that the figure carries for who holds `held`: it is reached, or held and still kept."""
    for index in range(held, reached, -1):
        if keeps[index] <= figure:
            return index
    return reached


def _never_goes_down(tiers: Tiers) -> bool:
    return tiers.downgrade is not None and tiers.downgrade.after == "never"


def _steps_down(tiers: Tiers) -> int | None:
    return tiers.downgrade.steps if tiers.downgrade else None


def _grace_end(tiers: Tiers, below_since: datetime, time_zone: str) -> datetime:
    """The instant of the next step down: at once without a grace."""
    grace = tiers.downgrade.grace if tiers.downgrade else None
    return below_since if grace is None else add(below_since, grace, time_zone)


def next_review_at(
    ruleset: Ruleset, history: Iterable[Qualification], at: datetime, standing: Standing
) -> datetime | None:
    """The next instant after `at`, at which the member stands as `standing` says, when the level may go down without a new
    purchase; None is never.
    """
    tiers = ruleset.tiers
    if tiers is None or _never_goes_down(tiers):
        return None
    if standing.keeps_until is not None:
        return standing.keeps_until
    leaves = _leaving(tiers, ruleset.program.time_zone)
    leaving = (leaves(entry.at) for entry in history)
    return min((instant for instant in leaving if instant is not None and instant > at), default=None)
