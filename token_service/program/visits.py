"""Which visit a purchase belongs to, and how the visits of two accounts come together (docs/rulesets.md "Two accounts").

Purchases of one local date that are recorded one after another are one visit; any other date begins a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from token_service.errors import InvalidInput
from token_service.program.facts import LocalTime, VisitFacts, visit_after

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


def visits_together(one: LastVisit | None, other: LastVisit | None) -> LastVisit | None:
    """The last visit of both: the numbers add up, and a day on which both last came is one visit."""
    if one is None or other is None:
        return one or other
    last, first = (one, other) if one.date >= other.date else (other, one)
    number = last.visit.number + first.visit.number
    if last.date != first.date:
        return LastVisit(last.date, VisitFacts(number=number, receipt=last.visit.receipt))
    return LastVisit(last.date, VisitFacts(number=number - 1, receipt=last.visit.receipt + first.visit.receipt))
