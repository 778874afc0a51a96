"""The programme's own events of a stretch of time: welcomes, birthdays, anniversaries, scheduled bonuses, each at the instant at
which it is due. What each gives, and to whom a schedule's condition gives it, is decided when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from token_service.program.birthdays import next_birthday
from token_service.program.challenge_schema import CountEvents
from token_service.program.events import ANNIVERSARY, BIRTHDAY, JOINED, rules_for
from token_service.program.facts import local_time
from token_service.program.schedules import begins_at, is_within, next_first_day, turn_on
from token_service.program.schema import SCHEDULED, Ruleset, Schedule
from token_service.program.told import Occurred, Person

OWNER = "program"
"""Stands for the programme itself, which records these."""


def calendar_events(
    ruleset: Ruleset, first_at: Mapping[str, datetime], people: Mapping[str, Person], since: datetime, until: datetime
) -> Iterator[Occurred]:
    """All of them between two instants (both included), member by member; of one instant in the order in which due work goes.
    `first_at`: since when each member is one, as far as is known.
    """
    for member, began_at in first_at.items():
        person = people.get(member, Person())
        mine = (
            *_joined(ruleset, member, person),
            *_birthdays(ruleset, member, person, max(began_at, since), until),
            *_anniversaries(ruleset, member, person, until),
        )
        scheduled = (one for each in ruleset.schedules for one in _scheduled(ruleset, each, member, since, until))
        for one in (*mine, *(one for one in scheduled if began_at < one.occurred_at)):
            if since <= one.occurred_at <= until:
                yield one


def _joined(ruleset: Ruleset, member: str, person: Person) -> Iterator[Occurred]:
    if person.joined_at is not None and rules_for(ruleset, JOINED):
        yield Occurred(member, person.joined_at, JOINED, merchant=OWNER)


def _birthdays(ruleset: Ruleset, member: str, person: Person, since: datetime, until: datetime) -> Iterator[Occurred]:
    if person.birth_date is not None and rules_for(ruleset, BIRTHDAY):
        day = next_birthday(person.birth_date, _day(ruleset, since) - timedelta(days=1))
        for at in _each_year(ruleset, person.birth_date, day, until):
            yield Occurred(member, max(at, since), BIRTHDAY, merchant=OWNER)


def _anniversaries(ruleset: Ruleset, member: str, person: Person, until: datetime) -> Iterator[Occurred]:
    if person.joined_at is not None and rules_for(ruleset, ANNIVERSARY):
        joined_on = _day(ruleset, person.joined_at)
        for at in _each_year(ruleset, joined_on, next_birthday(joined_on, joined_on), until):
            yield Occurred(member, at, ANNIVERSARY, merchant=OWNER)


def _each_year(ruleset: Ruleset, born: date, day: date, until: datetime) -> Iterator[datetime]:
    while (at := begins_at(ruleset, day)) <= until:
        yield at
        day = next_birthday(born, day)


def _scheduled(
    ruleset: Ruleset, schedule: Schedule, member: str, since: datetime, until: datetime
) -> Iterator[Occurred]:
    day = next_first_day(schedule.every, _day(ruleset, since) - timedelta(days=1))
    while (at := begins_at(ruleset, day)) <= until:
        if is_within(schedule, day):
            yield Occurred(member, at, SCHEDULED, turn_on(schedule, day).subject, OWNER)
        day = next_first_day(schedule.every, day)


def _day(ruleset: Ruleset, at: datetime) -> date:
    return date.fromisoformat(local_time(at, ruleset.program.time_zone).date)


def pays_for(ruleset: Ruleset, event: str) -> bool:
    """Whether an event of this type brings anything: a rule or a challenge is for it."""
    return bool(rules_for(ruleset, event)) or any(
        isinstance(one.count, CountEvents) and one.count.event == event for one in ruleset.challenges
    )
