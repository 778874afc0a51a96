"""When points expire, under each expiry model of a ruleset (DESIGN §3.5).

Dates count from `occurred_at`, on the calendar of the programme's time zone.

An expiry date is the first instant at which the points are gone: "end of March" is 1 April, 0:00 local time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from token_service.program.durations import add, start_of_day, start_of_next_month, start_of_next_year
from token_service.program.expiry_schema import (
    AwardExpiry,
    DateExpiry,
    Expiry,
    FixedExpiry,
    InactivityExpiry,
    PeriodEndExpiry,
    RuleExpiry,
)
from token_service.program.schema import Ruleset


def expires_at(ruleset: Ruleset, occurred_at: datetime, last_activity: datetime | None = None) -> datetime | None:
    """The instant at which points of `occurred_at` expire, in UTC; None is never.

    `last_activity` matters to the inactivity model alone: the member's last purchase or redemption.
    """
    return end_of(ruleset.expiry, ruleset.program.time_zone, occurred_at, last_activity)


def end_of(
    model: Expiry | RuleExpiry | AwardExpiry,
    time_zone: str,
    occurred_at: datetime,
    last_activity: datetime | None = None,
) -> datetime | None:
    """The same under one model, the programme's or an award's own."""
    if isinstance(model, FixedExpiry):
        end = add(occurred_at, model.period, time_zone)
        return start_of_next_month(end, time_zone) if model.round_to == "month_end" else end
    if isinstance(model, PeriodEndExpiry):
        following = start_of_next_month if model.period == "month" else start_of_next_year
        return following(occurred_at, time_zone, model.periods + 1)
    if isinstance(model, InactivityExpiry):
        return add(max(occurred_at, last_activity or occurred_at), model.period, time_zone)
    return start_of_day(model.on + timedelta(days=1), time_zone) if isinstance(model, DateExpiry) else None


def extended(
    ruleset: Ruleset, expiry: datetime | None, activity_at: datetime, *, keeps_date: bool = False
) -> datetime | None:
    """A lot's date after the member was active at `activity_at`; `ruleset` is the one that issued the lot.

    Later under the inactivity model, unchanged under the others and for points with an expiry of their own (`keeps_date`), never
    shorter. What has expired by then stays expired.
    """
    if not isinstance(ruleset.expiry, InactivityExpiry) or keeps_date or expiry is None or expiry <= activity_at:
        return expiry
    return max(expiry, add(activity_at, ruleset.expiry.period, ruleset.program.time_zone))


def restored_until(ruleset: Ruleset, expiry: datetime | None, now: datetime) -> datetime | None:
    """The date of points that a restoration brings back: their own, or now + the ruleset's grace when that has passed."""
    if expiry is None or expiry > now:
        return expiry
    return add(now, ruleset.restoration_grace, ruleset.program.time_zone)
