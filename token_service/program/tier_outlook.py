"""What becomes of a level if the member does nothing: when it goes down, to which, and what would keep it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from token_service.program.schema import Ruleset, Tiers
from token_service.program.tiers import Qualification, next_review_at, standing_at, tier_at

SOON: Final = timedelta(seconds=1)
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


def downgrade_ahead(ruleset: Ruleset, history: Iterable[Qualification], now: datetime) -> Downgrade | None:
    """The next step down of the level held at `now`, without another purchase; None if none is ahead."""
    tiers, entries = ruleset.tiers, tuple(history)
    if tiers is None:
        return None
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
    threshold = next(level.threshold for level in tiers.levels if level.id == held)
    more = threshold - standing_at(ruleset, entries, at).figure
    amounts: dict[str, int] = {"spend": 0, "points": 0, "orders": 0} | {tiers.qualify_by: more}
    kept = tier_at(ruleset, (*entries, Qualification(now + SOON, **amounts)), at)
    return more if _rank(tiers, kept) >= _rank(tiers, held) else None


def _rank(tiers: Tiers, level_id: str | None) -> int:
    """Place from the lowest level, 0; −1 for none."""
    return next((index for index, level in enumerate(tiers.levels) if level.id == level_id), -1)
