"""Since when a membership is held without a break, and until when: over renewals, gaps, grace and refunds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from token_service.program.memberships import Period, Stretch, stretch_at

START = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(days=14)


def period(start: int, end: int, *, ended: int | None = None, name: str = "club") -> Period:
    """Between two days of the year, kept for 14 days more."""
    starts_at, ends_at = START + timedelta(days=start), START + timedelta(days=end)
    return Period(name, starts_at, ends_at, ends_at + GRACE, None if ended is None else START + timedelta(days=ended))


def stretch(start: int, end: int) -> Stretch:
    one = period(start, end)
    return Stretch(one.starts_at, one.ends_at, one.keeps_until)


def at(day: int, *periods: Period) -> Stretch | None:
    return stretch_at(periods, "club", START + timedelta(days=day))


def test_renewals_go_on_from_the_first_day() -> None:
    assert at(45, period(0, 30), period(30, 60), period(60, 90)) == stretch(0, 90)


def test_a_period_that_was_bought_in_the_grace_goes_on() -> None:
    assert at(40, period(30, 60), period(0, 30)) == stretch(0, 60)


def test_a_gap_begins_a_new_one() -> None:
    periods = period(0, 30), period(50, 80)
    assert at(40, *periods) == stretch(0, 30)
    assert at(45, *periods) is None
    assert at(55, *periods) == stretch(50, 80)


def test_a_refunded_period_holds_nothing_and_leaves_a_gap() -> None:
    assert at(20, period(0, 30, ended=10), period(30, 60)) is None
    assert at(20, period(0, 30, ended=10), period(10, 40)) == stretch(10, 40)


def test_another_membership_does_not_count() -> None:
    assert at(5, period(0, 30, name="press")) is None
