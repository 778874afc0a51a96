"""What becomes of a level if the member does nothing: when it goes down, to which, and what would keep it; and which level comes
next, also where rules that are published change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from token_service.program.schema import Ruleset, Tiers
from token_service.program.tiers import Qualification, next_review_at, standing_at, tier_at

SOON: Final = timedelta(seconds=1)
LATER: Final = timedelta(days=1)
"""Behind a stretch of time in which there was too much to look at."""
LOOKS_MAX: Final = 400
"""Instants looked at; a history whose window changes more often before it goes down is not foretold."""


@dataclass(frozen=True, slots=True)
class Downgrade:
    """The next step down at `at`, to level `to` (None: below the lowest). `missing`: what more, a second from now, keeps the
    level beyond it; None where nothing does yet, because the window begins anew before.
    """

    to: str | None
    at: datetime
    missing: int | None


@dataclass(frozen=True, slots=True)
class Version:
    """Rules that are in force, or published, with their hash; `since` when."""

    since: datetime
    hash: str
    rules: Ruleset


@dataclass(frozen=True, slots=True)
class Projection:
    """The level `tier` that the member will have from `at` on, under the rules `ruleset`, whose window will hold `figure`.

    `because` the window no longer carries today's level, or other rules come into force; `at` and `because` are None, and the
    level is today's, where nothing ahead changes it.
    """

    tier: str | None
    figure: int
    ruleset: str
    at: datetime | None = None
    because: Literal["window", "rules"] | None = None


def projected(versions: Sequence[Version], history: Iterable[Qualification], now: datetime) -> Projection:
    """The next level that differs from today's, if nothing more is bought and nothing given back.

    `versions` are the rules in force at `now` and those published after them, in the order of their dates. Points that wait for
    their return window count from their purchase on, so that their issuance changes no level.
    """
    entries, first = tuple(history), versions[0]
    today = standing_at(first.rules, entries, now)
    for version, following in pairwise((*versions, None)):
        assert version is not None
        at = max(version.since, now)
        standing = standing_at(version.rules, entries, at)
        if standing.tier != today.tier:
            return Projection(standing.tier, standing.figure, version.hash, at, "rules")
        ahead = downgrade_ahead(version.rules, entries, at)
        if ahead is not None and (following is None or ahead.at < following.since):
            figure = standing_at(version.rules, entries, ahead.at).figure
            return Projection(ahead.to, figure, version.hash, ahead.at, "window")
    return Projection(today.tier, today.figure, first.hash)


def kept_from(ruleset: Ruleset, level_id: str | None) -> int | None:
    """The least figure at which who holds the level keeps it; None without a level."""
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    return next((level.kept_from for level in levels if level.id == level_id), None)


def downgrade_ahead(ruleset: Ruleset, history: Iterable[Qualification], now: datetime) -> Downgrade | None:
    """The next step down of the level held at `now`, without another purchase; None if none is ahead."""
    tiers, entries = ruleset.tiers, tuple(history)
    if tiers is None:
        return None
    return _step_down(ruleset, tiers, entries, now)


def downgrade_by(
    ruleset: Ruleset, history: Iterable[Qualification], now: datetime, until: datetime, *, held: str | None
) -> tuple[Downgrade | None, datetime | None]:
    """The next step down of the level `held` now, if it comes at `until` or before, as `downgrade_ahead` finds it; else the
    first instant behind `until` at which one may come (None: never), whatever more is bought. Without another purchase a level
    only goes down, so that the level at `until` tells whether one comes.
    """
    tiers, entries = ruleset.tiers, tuple(history)
    if tiers is None:
        return None, None
    then = standing_at(ruleset, entries, until)
    if _rank(tiers, then.tier) >= _rank(tiers, held):
        return None, next_review_at(ruleset, entries, until, then)
    return _step_down(ruleset, tiers, entries, now), until + LATER


def _step_down(ruleset: Ruleset, tiers: Tiers, entries: tuple[Qualification, ...], now: datetime) -> Downgrade | None:
    standing, at = standing_at(ruleset, entries, now), now
    held = _rank(tiers, standing.tier)
    for _ in range(LOOKS_MAX):
        following = next_review_at(ruleset, entries, at, standing)
        if following is None:
            return None
        standing, at = standing_at(ruleset, entries, following), following
        if _rank(tiers, standing.tier) < held:
            return Downgrade(standing.tier, at, _missing(ruleset, tiers, entries, now, at))
    return None


def _missing(
    ruleset: Ruleset, tiers: Tiers, entries: tuple[Qualification, ...], now: datetime, at: datetime
) -> int | None:
    held = tier_at(ruleset, entries, now)
    more = (kept_from(ruleset, held) or 0) - standing_at(ruleset, entries, at).figure
    amounts: dict[str, int] = {"spend": 0, "points": 0, "orders": 0} | {tiers.qualify_by: more}
    kept = tier_at(ruleset, (*entries, Qualification(now + SOON, **amounts)), at)
    return more if _rank(tiers, kept) >= _rank(tiers, held) else None


def _rank(tiers: Tiers, level_id: str | None) -> int:
    """Place from the lowest level, 0; −1 for none."""
    return next((index for index, level in enumerate(tiers.levels) if level.id == level_id), -1)
