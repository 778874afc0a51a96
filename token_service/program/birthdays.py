"""On which day of a year somebody's birthday is; another day that comes back every year is counted in the same way."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

LATE_DAYS: Final = 7
"""A birthday is celebrated so many days later at most, when nothing ran on the day itself."""


def birthday_in(birth_date: date, year: int) -> date:
    """The birthday in that year; of whoever was born on 29 February, the 28th in years without one."""
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def last_birthday(birth_date: date, today: date) -> date:
    """The newest birthday up to today, this day included."""
    this_year = birthday_in(birth_date, today.year)
    return this_year if this_year <= today else birthday_in(birth_date, today.year - 1)


def next_birthday(birth_date: date, after: date) -> date:
    """The first birthday behind that day."""
    this_year = birthday_in(birth_date, after.year)
    return this_year if this_year > after else birthday_in(birth_date, after.year + 1)


def years_celebrated_on(day: date) -> set[int]:
    """The years whose birthday may be celebrated on that day: its own and, early in January, the one before."""
    return {day.year, (day - timedelta(days=LATE_DAYS)).year}


def anniversaries_on(joined_on: date, day: date) -> set[int]:
    """The years whose anniversary of that day may be celebrated on another one, behind it."""
    last = last_birthday(joined_on, day)
    return {last.year} if last > joined_on and (day - last).days <= LATE_DAYS else set()
