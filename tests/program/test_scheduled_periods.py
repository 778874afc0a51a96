"""Scheduled bonuses: which period a day belongs to, when it is given, to whom."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.program.challenge_schema import Period
from token_service.program.event_facts import EventFacts
from token_service.program.events import decide_event, event_qualification, points_used
from token_service.program.facts import MemberFacts, local_time
from token_service.program.ruleset import Ruleset, check_ruleset, parse_ruleset
from token_service.program.schedules import begins_at, first_day_of, next_first_day, next_turn, turn_on, turns_on
from token_service.program.schema import SCHEDULED
from token_service.program.stakes import added_points

from .baskets import PROGRAM

PERIODS: tuple[Period, ...] = ("week", "month", "quarter", "year")
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def rules(**more: Any) -> Ruleset:
    schedule = {"id": "gift", "every": "month", "points": 50} | more
    return parse_ruleset(json.dumps({"ruleset": 1, "program": PROGRAM, "schedules": [schedule]}))


def facts(ruleset: Ruleset, day: date, subject: str, **member: Any) -> EventFacts:
    at = begins_at(ruleset, day) + timedelta(hours=9)
    known = MemberFacts(**({"tier": None, "age_days": 100, "purchases": 1, "day_points": 0} | member))
    return EventFacts(at, local_time(at, ruleset.program.time_zone), SCHEDULED, subject, "mrc_1", known)


@given(DAYS, st.sampled_from(PERIODS))
def test_periods_follow_one_another_without_gaps(day: date, every: Period) -> None:
    first, behind = first_day_of(every, day), next_first_day(every, day)
    assert first <= day < behind
    assert first_day_of(every, behind) == behind
    assert first_day_of(every, behind - timedelta(days=1)) == first


@given(DAYS, st.sampled_from(PERIODS), DAYS, DAYS)
def test_a_period_is_given_within_the_dates_on_its_first_day_or_a_week_late(
    day: date, every: Period, one: date, other: date
) -> None:
    starts, until = sorted((one, other))
    ruleset = rules(**{"every": every, "from": starts.isoformat(), "until": until.isoformat()})
    for turn in turns_on(ruleset, day):
        assert starts <= turn.first_day <= until
        assert 0 <= (day - turn.first_day).days <= 7
    ahead = next_turn(ruleset.schedules[0], day)
    if ahead is not None:
        assert day < ahead.first_day <= until
        assert ahead == turn_on(ruleset.schedules[0], ahead.first_day)


@pytest.mark.parametrize(
    ("day", "subject", "member", "points"),
    [
        (date(2026, 12, 1), "gift/2026-12", {}, 50),
        (date(2026, 12, 8), "gift/2026-12", {}, 50),
        (date(2026, 12, 9), "gift/2026-12", {}, 0),
        (date(2026, 12, 1), "gift/2026-11", {}, 0),
        (date(2026, 12, 1), "gift/2027-12", {}, 0),
        (date(2026, 12, 1), "other/2026-12", {}, 0),
        (date(2026, 12, 1), "gift/2026-12", {"purchases": 0}, 0),
        (date(2026, 12, 1), "gift/2026-12", {"age_days": 0}, 0),
        (date(2026, 12, 4), "gift/2026-12", {"age_days": 3}, 0),
        (date(2026, 12, 4), "gift/2026-12", {"age_days": 4}, 50),
    ],
)
def test_the_facts_alone_decide_it_again(day: date, subject: str, member: dict[str, Any], points: int) -> None:
    ruleset = rules(when="member.purchases > 0")
    assert decide_event(ruleset, facts(ruleset, day, subject, **member)).points == points


def test_it_counts_for_levels_with_its_points_and_is_no_engagement() -> None:
    ruleset = rules()
    said = facts(ruleset, date(2026, 12, 1), "gift/2026-12")
    assert (event_qualification(said, 50).points, event_qualification(said, 50).engagement) == (50, 0)
    assert points_used(ruleset, said, decide_event(ruleset, said)) == {"gift": 50}


def test_a_schedule_with_a_budget_adds_that_and_one_without_any_number() -> None:
    """What one person may publish alone: `limits.publication_points`."""
    before = rules(limits={"budget_points": 100})
    assert added_points(before, rules(limits={"budget_points": 250})) == 150
    assert added_points(before, rules()) is None


def test_the_program_of_the_tests_is_fit_to_publish() -> None:
    assert check_ruleset(rules(when='member.tier == "gold" || "club" in member.memberships')) == []
