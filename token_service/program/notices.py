"""What members are told of: a level that changed, and what ends soon; when, so that each is said once (docs/api.md "Notices").

A notice moves nothing of value, so that the chain knows none of it: it repeats what rules and ledger say, for those who write to
members.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from token_service.program.facts import local_time
from token_service.program.memberships import Period, held_at
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import levels_above

UPGRADED: Final = "tier.upgraded"
DOWNGRADED: Final = "tier.downgraded"
CHANGED: Final = "tier.changed"
WILL_DOWNGRADE: Final = "tier.will_downgrade"
EXPIRING: Final = "points.expiring"
ENDING: Final = "membership.ending"
COMPLETED: Final = "challenge.completed"
BADGE: Final = "badge.awarded"
KINDS: Final = (UPGRADED, DOWNGRADED, CHANGED, WILL_DOWNGRADE, EXPIRING, ENDING, COMPLETED, BADGE)

DOWNGRADE_AHEAD: Final = timedelta(days=92)
"""A quarter: long enough to buy what keeps the level."""
EXPIRY_AHEAD: Final = timedelta(days=30)
ENDING_AHEAD: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points of one local date, `at` which the first of them expire."""

    date: str
    points: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OpenPoints:
    """What is free of a lot, with its dates."""

    points: int
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """A membership that is paid until `at`."""

    membership: str
    at: datetime


def tier_kind(ruleset: Ruleset, before: str | None, after: str | None) -> str:
    """What a change of level is called under the rules that made it; neither up nor down if they do not have the level before."""
    known = {level.id for level in ruleset.tiers.levels} if ruleset.tiers else set()
    if before is not None and before not in known:
        return CHANGED
    return UPGRADED if after in {level.id for level in levels_above(ruleset, before)} else DOWNGRADED


def may_be_lost(ruleset: Ruleset, level_id: str | None) -> bool:
    """Whether a level can go down by itself: not one that is kept with nothing, and not where the rules say never."""
    tiers = ruleset.tiers
    if tiers is None or level_id is None or (tiers.downgrade is not None and tiers.downgrade.after == "never"):
        return False
    return any(level.id == level_id and level.kept_from > 0 for level in tiers.levels)


def expiry_told_at(issued_at: datetime, expires_at: datetime) -> datetime:
    """When it is said that points expire: EXPIRY_AHEAD before, but never before half of their time is over."""
    return max(expires_at - EXPIRY_AHEAD, issued_at + (expires_at - issued_at) / 2)


def ending_told_at(period: Period) -> datetime:
    """When it is said that a paid period ends: ENDING_AHEAD before, but never before half of it is over."""
    return max(period.ends_at - ENDING_AHEAD, period.starts_at + (period.ends_at - period.starts_at) / 2)


def expiring_now(
    lots: Sequence[OpenPoints], told: Iterable[str], now: datetime, zone: str
) -> tuple[list[Expiring], datetime | None]:
    """What is to be said of points that expire, a date each but for those of which it was `told`; and when to look again."""
    by_date: dict[str, list[OpenPoints]] = {}
    known = set(told)
    for lot in lots:
        date = local_time(lot.expires_at, zone).date
        if lot.expires_at > now and date not in known:
            by_date.setdefault(date, []).append(lot)
    found, later = [], list[datetime]()
    for date, own in sorted(by_date.items()):
        told_at = min(expiry_told_at(lot.issued_at, lot.expires_at) for lot in own)
        if told_at > now:
            later.append(told_at)
        else:
            found.append(Expiring(date, sum(lot.points for lot in own), min(lot.expires_at for lot in own)))
    return found, min(later, default=None)


def ending_now(periods: Iterable[Period], now: datetime) -> tuple[list[Ending], datetime | None]:
    """Which memberships end soon, as far as they are paid; and when to look again."""
    periods = [one for one in periods if one.ended_at is None]
    found, later = [], list[datetime]()
    for held in held_at(periods, now):
        last = next(one for one in periods if one.membership == held.id and one.ends_at == held.until)
        told_at = ending_told_at(last)
        if told_at > now:
            later.append(told_at)
        elif held.until > now:
            found.append(Ending(held.id, held.until))
    return found, min(later, default=None)
