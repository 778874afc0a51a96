"""ISO 8601 durations on the programme's calendar."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.program.durations import add, add_months, parse_duration, start_of_next_month, start_of_next_year

from .baskets import NOON, instants

PARIS = "Europe/Paris"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-01-31T10:00+01:00", "P1M", "2026-02-28T10:00+01:00"),
        ("2024-01-31T10:00+01:00", "P1M", "2024-02-29T10:00+01:00"),
        ("2024-02-29T10:00+01:00", "P1Y", "2025-02-28T10:00+01:00"),
        ("2026-03-28T10:00+01:00", "P1D", "2026-03-29T10:00+02:00"),  # a day of 23 hours
        ("2026-03-28T10:00+01:00", "PT24H", "2026-03-29T11:00+02:00"),
        ("2026-10-24T10:00+02:00", "P1D", "2026-10-25T10:00+01:00"),  # a day of 25 hours
        ("2026-03-28T02:30+01:00", "P1D", "2026-03-29T03:30+02:00"),  # 2:30 does not exist that night
        ("2026-10-24T02:30+02:00", "P1D", "2026-10-25T02:30+02:00"),  # 2:30 comes twice: the first
        ("2026-11-22T10:00+01:00", "P2W", "2026-12-06T10:00+01:00"),
        ("2026-11-22T10:00+01:00", "P1Y2M3DT4H5M6S", "2028-01-25T14:05:06+01:00"),
    ],
)
def test_it_counts_on_the_local_calendar(start: str, duration: str, end: str) -> None:
    assert add(at(start), duration, PARIS) == at(end)
    assert add(at(start), duration, PARIS).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1", "1D", "P-1D", "P1.5D", "P1DT", "P0D", "PT0S", "p1d", "P1D ", "P99999D", "P101Y", "P١D"],
)
def test_it_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


def test_a_hundred_years_are_the_most() -> None:
    assert add(at("2026-11-22T10:00+01:00"), "P100Y", PARIS) == at("2126-11-22T10:00+01:00")
    with pytest.raises(ValueError, match="100 years"):
        parse_duration("P101Y")


def test_it_refuses_a_naive_time() -> None:
    with pytest.raises(ValueError, match="time zone"):
        add(NOON.replace(tzinfo=None), "P1D", PARIS)


def test_the_machine_s_or_callers_offset_does_not_matter() -> None:
    utc = at("2026-03-28T23:30:00+00:00")
    tokyo = utc.astimezone(timezone(timedelta(hours=9)))
    assert add(utc, "P1M", PARIS) == add(tokyo, "P1M", PARIS)


def test_ends_of_periods_are_local() -> None:
    late = at("2026-12-31T23:30:00+00:00")  # half past midnight on 1 January in Paris
    assert start_of_next_month(late, PARIS) == at("2027-02-01T00:00+01:00")
    assert start_of_next_year(late, PARIS) == at("2028-01-01T00:00+01:00")


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 1200))
def test_months_keep_the_day_or_take_the_last_one(day, months: int) -> None:
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(days=1)).day == 1)


@given(
    instants(2000, 2090),
    instants(2000, 2090),
    st.sampled_from(["P1M", "P12M", "P14D", "PT1H", "P1Y1M1DT1S"]),
)
def test_a_later_start_never_ends_earlier_by_more_than_a_clock_change(first, second, duration: str) -> None:
    first, second = sorted((first, second))
    assert add(first, duration, PARIS) <= add(second, duration, PARIS) + timedelta(hours=1)
    assert add(first, duration, PARIS) > first
