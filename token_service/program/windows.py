"""When an award becomes an issuance, and how late a fact may come (DESIGN §3.2, §3a).

The return window begins with the purchase, or with the delivery where the rules have a purchase wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.errors import TooLate
from token_service.program.durations import add
from token_service.program.facts import PurchaseFacts
from token_service.program.schema import Ruleset


@dataclass(frozen=True, slots=True)
class Wait:
    """What an award waits for. At `due_at` it becomes an issuance, or comes to nothing (`lapses`). Before `delivery_by` a
    delivery may be told, and then the window is counted from it; None: none is waited for.
    """

    due_at: datetime
    delivery_by: datetime | None = None
    lapses: bool = False

    def holds_back(self, now: datetime) -> bool:
        """Whether the award, recorded now, is pending."""
        return self.lapses or self.due_at > now


def wait_of(ruleset: Ruleset, facts: PurchaseFacts) -> Wait:
    """What the award of a purchase waits for, before anything is told of its delivery."""
    told = ruleset.delivery
    if told is None or not _waits(ruleset, facts):
        return Wait(award_due_at(ruleset, facts.occurred_at))
    until = add(facts.occurred_at, told.within, ruleset.program.time_zone)
    if lapses(ruleset):
        return Wait(until, until, lapses=True)
    return Wait(award_due_at(ruleset, until), until)


def lapses(ruleset: Ruleset) -> bool:
    """Whether an award comes to nothing whose delivery is not told in time."""
    return ruleset.delivery is not None and ruleset.delivery.otherwise == "lapse"


def award_due_at(ruleset: Ruleset, since: datetime) -> datetime:
    """The end of a return window that begins at an instant: that instant itself without a return window."""
    if ruleset.return_window is None:
        return since
    return add(since, ruleset.return_window, ruleset.program.time_zone)


def check_not_too_late(ruleset: Ruleset, occurred_at: datetime, now: datetime) -> None:
    """Raises TooLate when `occurred_at` + `accept_late` lies before `now`; the last instant still counts."""
    if ruleset.accept_late is None:
        return
    until = add(occurred_at, ruleset.accept_late, ruleset.program.time_zone)
    if until < now:
        raise TooLate("This happened too long ago to be recorded.", accepted_until=until.isoformat())


def _waits(ruleset: Ruleset, facts: PurchaseFacts) -> bool:
    told = ruleset.delivery
    return told is not None and all(
        named is None or fact in named
        for named, fact in ((told.channels, facts.channel), (told.merchants, facts.merchant))
    )
