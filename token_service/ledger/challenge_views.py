"""Challenges as they are answered: what a purchase completed, where a member stands (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Completed:
    """A challenge that a purchase completed: the event, the points that it gave, the voucher that it made."""

    challenge_id: str
    event_id: str
    points: int
    voucher_id: str | None
    reward_id: str | None


@dataclass(frozen=True, slots=True)
class ChallengeStanding:
    """Where a member stands. `counted` of `target` (purchases, pieces, minor units, visits, events or periods: `counts`), within
    `period` if there is one; completed `times` so far, in it. `award` is what the next completion gives.
    """

    id: str
    counts: str
    counted: int
    target: int
    times: int
    period: str | None
    repeats: bool
    starts: date | None
    until: date | None
    points: int | None
    reward_id: str | None
    badge: bool


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge that a member has: the challenge that gave it, under which rules, and when."""

    id: str
    ruleset: str
    awarded_at: datetime
