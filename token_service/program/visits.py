"""Which visit a purchase belongs to, and how the visits of two accounts come together (docs/rulesets.md "visits", and "Two
accounts").

Without `visits` in the rules, purchases of one local date that are recorded one after another are one visit; any other date
begins a new one. With it a visit is found by when its purchases were made, whatever the order in which tills report them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Final

from token_service.errors import InvalidInput
from token_service.program.durations import add
from token_service.program.facts import LocalTime, VisitFacts, visit_after
from token_service.program.schema import Ruleset
from token_service.program.schema_values import DAY

FIRST_VISIT: Final = VisitFacts(number=1, receipt=1)


@dataclass(frozen=True, slots=True)
class LastVisit:
    """The last visit of a member: its local date, its number, and how many purchases it had."""

    date: str
    visit: VisitFacts

    def next(self, local: LocalTime) -> VisitFacts:
        """The visit of a purchase at `local`, recorded after this one."""
        return visit_after(self.visit, self.date, local.date)

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {"date": self.date, "number": self.visit.number, "receipt": self.visit.receipt}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> LastVisit:
        """What `to_json` wrote. Raises InvalidInput."""
        if said.keys() != {"date", "number", "receipt"} or not isinstance(said["date"], str):
            raise InvalidInput("This is not the last visit of a member.")
        return cls(said["date"], VisitFacts(number=said["number"], receipt=said["receipt"]))


@dataclass(frozen=True, slots=True)
class Visited:
    """An earlier purchase of the member: when, on which local date, as which visit; and whether anything of it is kept."""

    at: datetime
    date: str
    visit: VisitFacts
    is_kept: bool = True


def visit_of(
    ruleset: Ruleset, last: LastVisit | None, visited: Iterable[Visited], at: datetime, local: LocalTime
) -> VisitFacts:
    """The visit of a purchase at `at`, which is `local`: after `last` without `visits` in the rules, else among all of
    `visited`.
    """
    if ruleset.visits is None:
        return FIRST_VISIT if last is None else last.next(local)
    counted = [one for one in visited if one.is_kept or ruleset.visits.refunded == "count"]
    return _among(ruleset, counted, Visited(at, local.date, FIRST_VISIT))


def visits_together(one: LastVisit | None, other: LastVisit | None) -> LastVisit | None:
    """The last visit of both: the numbers add up, and a day on which both last came is one visit."""
    if one is None or other is None:
        return one or other
    last, first = (one, other) if one.date >= other.date else (other, one)
    number = last.visit.number + first.visit.number
    if last.date != first.date:
        return LastVisit(last.date, VisitFacts(number=number, receipt=last.visit.receipt))
    return LastVisit(last.date, VisitFacts(number=number - 1, receipt=last.visit.receipt + first.visit.receipt))


def _among(ruleset: Ruleset, counted: Sequence[Visited], new: Visited) -> VisitFacts:
    """The visit of the nearest purchase within the window, as its next free receipt; else a new visit with the next free number.

    So no two purchases that count have the same number and receipt, and visit N begins only when N − 1 others count.
    """
    near = [one for one in counted if _are_one(ruleset, one, new)]
    if near:
        number = min(near, key=lambda one: (abs(one.at - new.at), one.at, one.visit.number)).visit.number
        return VisitFacts(number, _free(one.visit.receipt for one in counted if one.visit.number == number))
    numbers = {one.visit.number for one in counted}
    twice = max(0, _how_many(ruleset, counted) - len(numbers))  # where two accounts with visits became one
    return VisitFacts(_free(numbers, start=_free(numbers) + twice), 1)


def _free(taken: Iterable[int], start: int = 1) -> int:
    """The smallest number from `start` on that is not taken."""
    known = set(taken)
    return next(number for number in count(start) if number not in known)


def _are_one(ruleset: Ruleset, one: Visited, other: Visited) -> bool:
    """Whether two purchases, one after the other, are one visit."""
    assert ruleset.visits is not None
    if ruleset.visits.window == DAY:
        return one.date == other.date
    first, second = sorted((one.at, other.at))
    return second < add(first, ruleset.visits.window, ruleset.program.time_zone)


def _how_many(ruleset: Ruleset, counted: Sequence[Visited]) -> int:
    """The visits that these purchases make."""
    ordered = sorted(counted, key=lambda one: one.at)
    begun = [one for one, before in zip(ordered[1:], ordered, strict=False) if not _are_one(ruleset, before, one)]
    return len(begun) + bool(ordered)
