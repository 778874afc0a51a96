"""Scheduled bonuses: points on the first local day of each week, month, quarter or year (docs/rulesets.md "schedules").

A member has one once for each period, if they had joined before its first day and `when` holds. The event's subject names
schedule and period, so that its facts decide it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from token_service.program.birthdays import LATE_DAYS
from token_service.program.challenge_schema import Period
from token_service.program.challenges import period_of
from token_service.program.conditions import holds, prepared
from token_service.program.event_facts import EventFacts
from token_service.program.facts import MemberFacts
from token_service.program.schema import Ruleset, Schedule

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Turn:
    """One period of a schedule, and its first local day."""

    schedule: Schedule
    period: str
    first_day: date

    @property
    def subject(self) -> str:
        """What its events are about."""
        return f"{self.schedule.id}/{self.period}"


def schedule_of(ruleset: Ruleset, subject: str | None) -> Schedule | None:
    """The schedule that a subject names, if the rules have it."""
    named = (subject or "").partition("/")[0]
    return next((one for one in ruleset.schedules if one.id == named), None)


def first_day_of(every: Period, day: date) -> date:
    """The first day of the period that a day lies in; weeks begin on Monday."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    return date(day.year, (day.month - 1) // _MONTHS[every] * _MONTHS[every] + 1, 1)


def next_first_day(every: Period, day: date) -> date:
    """The first day of the period behind that one."""
    if every == "week":
        return first_day_of(every, day) + timedelta(days=7)
    return first_day_of(every, first_day_of(every, day) + timedelta(days=_MONTHS[every] * 31))


def turn_on(schedule: Schedule, day: date) -> Turn:
    """The schedule's period that a day lies in."""
    first = first_day_of(schedule.every, day)
    return Turn(schedule, period_of(schedule.every, first.isoformat()), first)


def may_run(turn: Turn, day: date) -> bool:
    """Whether the period is still given on a day: on its first one, or a week late, if that one lies within the dates."""
    return is_within(turn.schedule, turn.first_day) and 0 <= (day - turn.first_day).days <= LATE_DAYS


def is_within(schedule: Schedule, first_day: date) -> bool:
    """Whether a period that begins on that day lies within the schedule's dates."""
    return (schedule.starts or first_day) <= first_day <= (schedule.until or first_day)


def turns_on(ruleset: Ruleset, day: date) -> Iterator[Turn]:
    """The periods that are given on a day, in the order of the rules."""
    turns = (turn_on(one, day) for one in ruleset.schedules)
    return (turn for turn in turns if may_run(turn, day))


def next_turn(schedule: Schedule, day: date) -> Turn | None:
    """The first period that begins behind a day and lies within the dates."""
    since = day if schedule.starts is None else max(day, schedule.starts - timedelta(days=1))
    turn = turn_on(schedule, next_first_day(schedule.every, since))
    return turn if is_within(schedule, turn.first_day) else None


def begins_at(ruleset: Ruleset, day: date) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time.min, ZoneInfo(ruleset.program.time_zone)).astimezone(UTC)


def holds_for(schedule: Schedule, member: MemberFacts) -> bool:
    """Whether the schedule's condition holds on what is known of a member."""
    if schedule.when is None:
        return True
    facts = {
        "tier": member.tier,
        "age_days": member.age_days,
        "purchases": member.purchases,
        "memberships": list(member.memberships),
        "segments": list(member.segments),
    }
    return holds(schedule.when, prepared({"member": facts}, (schedule.when,)))


def why_not(schedule: Schedule, facts: EventFacts) -> str | None:
    """Why an event of this schedule gives nothing, or None."""
    day = date.fromisoformat(facts.local.date)
    turn = turn_on(schedule, day)
    if facts.subject != turn.subject or not may_run(turn, day):
        return "given only when a period begins"
    if day - timedelta(days=facts.member.age_days) >= turn.first_day:
        return "for members who joined before the period began"
    return None if holds_for(schedule, facts.member) else "its condition does not hold"
