"""ISO 8601 durations counted on the programme's own calendar and clock.

Years, months, weeks and days move the local date and keep the local time of day (31 January + P1M = 28 February);
hours, minutes and seconds then add elapsed time. A local time that a clock change skips becomes the instant just as far
behind the change; one that comes twice means the first. Only aware times come in, only UTC goes out. Source: DESIGN
§3a, docs/rulesets.md "Durations".
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

YEARS_MAX: Final = 100
_PATTERN: Final = re.compile(
    r"P(?=[0-9T])(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?=[0-9])(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?",
    re.ASCII,
)

_ONLY_ON_THIS_MACHINE: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Files beside the zones in a system's folder: rules that named them would replay otherwise on another machine."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar months and days, then elapsed seconds; none of them negative, not all of them zero."""

    months: int
    days: int
    seconds: int


@lru_cache(maxsize=256)
def parse_duration(text: str) -> Duration:
    """What "P1Y6M", "P14D" or "PT15M" says. Raises ValueError for anything else, for nothing at all and beyond 100 years."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        raise ValueError("must be an ISO 8601 duration such as P12M, P14D or PT15M")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = Duration(
        months=12 * years + months, days=7 * weeks + days, seconds=3600 * hours + 60 * minutes + seconds
    )
    if duration == Duration(0, 0, 0):
        raise ValueError("must last longer than nothing: leave the key out instead")
    if 365 * duration.months + 12 * (duration.days + duration.seconds // 86_400) > 12 * 365 * YEARS_MAX:
        raise ValueError("must not exceed 100 years")
    return duration


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; raises ValueError when there is none, or when it means another clock elsewhere."""
    try:
        if name in _ONLY_ON_THIS_MACHINE or name.startswith(("posix/", "right/")):
            raise ValueError(name)
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("must be an IANA time zone such as Europe/Paris") from error


def check_aware(at: datetime) -> datetime:
    """`at` in UTC; raises ValueError for a naive time, which would mean another instant on another machine."""
    if at.tzinfo is None:
        raise ValueError("a time needs its time zone")
    return at.astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def add(at: datetime, duration: str, time_zone: str) -> datetime:
    """The instant `duration` after `at` on the calendar of `time_zone`, in UTC."""
    length = parse_duration(duration)
    local = check_aware(at).astimezone(zone(time_zone))
    day = add_months(local.date(), length.months) + timedelta(days=length.days)
    moved = datetime.combine(day, local.time().replace(fold=0), zone(time_zone)) if day != local.date() else local
    return moved.astimezone(UTC) + timedelta(seconds=length.seconds)


def long_before(at: datetime, duration: str) -> datetime:
    """An instant so early that what happened before it lies longer than `duration` before `at`, in any time zone: the longest
    months, and two days for the clocks that were changed and zones that skipped a day.
    """
    length = parse_duration(duration)
    return at - timedelta(days=31 * length.months + length.days + 2, seconds=length.seconds)


def start_of_day(day: date, time_zone: str) -> datetime:
    """The instant at which the local date begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone(time_zone)).astimezone(UTC)


def start_of_next_month(at: datetime, time_zone: str, months: int = 1) -> datetime:
    """The first instant of the local month that lies `months` after the one of `at`, in UTC."""
    local = check_aware(at).astimezone(zone(time_zone)).date()
    return start_of_day(add_months(local.replace(day=1), months), time_zone)


def start_of_next_year(at: datetime, time_zone: str, years: int = 1) -> datetime:
    """The first instant of the local year that lies `years` after the one of `at`, in UTC."""
    local = check_aware(at).astimezone(zone(time_zone)).date()
    return start_of_day(date(local.year + years, 1, 1), time_zone)
