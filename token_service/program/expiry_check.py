"""Contradictions of the expiries that awards have of their own (docs/rulesets.md "Points with an expiry of their own")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from token_service.errors import Place
from token_service.program.durations import add, start_of_day
from token_service.program.expiry import end_of
from token_service.program.expiry_schema import AwardExpiry, DateExpiry, RuleExpiry
from token_service.program.schema import Ruleset

_SHORTEST: Final = datetime(2026, 12, 31, 12, tzinfo=UTC)
"""A time of the last day of a month and a year, where a period that ends with them is the shortest."""


@dataclass(frozen=True, slots=True)
class OwnExpiry:
    """An expiry that an award has of its own, with its place; until when the award is given, if it ends. `waits`: purchases earn
    it, so it comes when their return window is over.
    """

    pointer: str
    expiry: AwardExpiry | RuleExpiry
    until: date | None = None
    gives_points: bool = True
    waits: bool = False


def expiry_mistakes(ruleset: Ruleset) -> Iterator[Place]:
    """Points that nobody could ever use, and expiries of no points."""
    for own in _own_expiries(ruleset):
        if not own.gives_points:
            yield Place(own.pointer, "has no effect without points")
        elif isinstance(own.expiry, DateExpiry):
            yield from _date_mistakes(ruleset, own, own.expiry)
        elif own.waits and _is_over_before_use(ruleset, own.expiry):
            yield Place(own.pointer, "must be longer than return_window: these points expire before they can be used")


def _own_expiries(ruleset: Ruleset) -> Iterator[OwnExpiry]:
    for index, rule in enumerate(ruleset.earning):
        if (expiry := getattr(rule, "expiry", None)) is not None:
            yield OwnExpiry(f"/earning/{index}/expiry", expiry)
    for index, campaign in enumerate(ruleset.campaigns):
        if (expiry := getattr(campaign.award, "expiry", None)) is not None:
            yield OwnExpiry(f"/campaigns/{index}/award/expiry", expiry, campaign.until, waits=True)
    for index, membership in enumerate(ruleset.memberships):
        if membership.expiry is not None:
            here, has_points = f"/memberships/{index}/expiry", membership.points is not None
            yield OwnExpiry(here, membership.expiry, gives_points=has_points)
    for index, challenge in enumerate(ruleset.challenges):
        award = challenge.award
        if award.expiry is not None:
            here, has_points = f"/challenges/{index}/award/expiry", award.points is not None
            yield OwnExpiry(here, award.expiry, challenge.until, has_points)
    for index, schedule in enumerate(ruleset.schedules):
        if schedule.expiry is not None:
            yield OwnExpiry(f"/schedules/{index}/expiry", schedule.expiry, schedule.until)


def _date_mistakes(ruleset: Ruleset, own: OwnExpiry, expiry: DateExpiry) -> Iterator[Place]:
    pointer = f"{own.pointer}/on"
    if own.until is None:
        yield Place(pointer, "needs until, not behind it: points that are given later would be gone at once")
    elif expiry.on < own.until:
        yield Place(pointer, "must not lie before until: points of the last days would be gone at once")
    elif own.waits and ruleset.return_window is not None:
        zone = ruleset.program.time_zone
        usable = add(start_of_day(own.until + timedelta(days=1), zone), ruleset.return_window, zone)
        if (end_of(expiry, zone, usable) or usable) <= usable:
            detail = "must lie behind until and return_window: points of the last day expire before they can be used"
            yield Place(pointer, detail)


def _is_over_before_use(ruleset: Ruleset, expiry: AwardExpiry | RuleExpiry) -> bool:
    if ruleset.return_window is None:
        return False
    zone = ruleset.program.time_zone
    end = end_of(expiry, zone, _SHORTEST)
    return end is not None and end <= add(_SHORTEST, ruleset.return_window, zone)
