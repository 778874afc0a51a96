"""When an award becomes an issuance, and how late a fact may come (DESIGN §3.2, §3a)."""

from __future__ import annotations

from datetime import datetime

from token_service.errors import TooLate
from token_service.program.durations import add
from token_service.program.schema import Ruleset


def award_due_at(ruleset: Ruleset, occurred_at: datetime) -> datetime:
    """The instant at which an award becomes an issuance: `occurred_at` itself without a return window."""
    if ruleset.return_window is None:
        return occurred_at
    return add(occurred_at, ruleset.return_window, ruleset.program.time_zone)


def check_not_too_late(ruleset: Ruleset, occurred_at: datetime, now: datetime) -> None:
    """Raises TooLate when `occurred_at` + `accept_late` lies before `now`; the last instant still counts."""
    if ruleset.accept_late is None:
        return
    until = add(occurred_at, ruleset.accept_late, ruleset.program.time_zone)
    if until < now:
        raise TooLate("This happened too long ago to be recorded.", accepted_until=until.isoformat())
