"""A grocer's year of real baskets replayed under its 27 campaigns, with coupons, levels, limits and challenges (docs/year.md)."""

from __future__ import annotations

import time
from typing import Final

from scripts.bench.table import Figure, Target
from scripts.year.history import NOTHING_MORE, Year, read_year
from token_service.app.resources import resource_dir
from token_service.cli.completejourney import HOUSEHOLDS_MAX
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.what_if import Outcome, what_if

PURCHASES_MIN: Final = 2_000
"""Decided in a second, on one core."""


def measure_year(households: int = HOUSEHOLDS_MAX) -> list[Figure]:
    """One line: purchases decided a second, lines, levels, visits and limits included, beside the earning rules alone."""
    rules = parse_ruleset((resource_dir("examples") / "completejourney.yaml").read_text(encoding="utf-8"))
    plain = rules.model_copy(update={**NOTHING_MORE})
    year = read_year(rules.program.time_zone, households=households)
    alone, fast = _timed(plain, year)
    whole, slow = _timed(rules, year)
    rate = whole.purchases / slow
    given = f"{whole.points:,} points instead of {alone.points:,}"
    return [
        Figure(
            f"a real year of {households:,} households: purchases decided a second, of {PURCHASES_MIN:,}",
            rate / PURCHASES_MIN,
            f"{whole.purchases:,} purchases in {slow:,.0f} s: {rate:,.0f}/s; {given}",
            f"earning rules alone: {alone.purchases / fast:,.0f}/s",
            Target(f"≥ {PURCHASES_MIN:,}/s", rate >= PURCHASES_MIN),
        )
    ]


def _timed(rules: Ruleset, year: Year) -> tuple[Outcome, float]:
    began = time.perf_counter()
    outcome = what_if(rules, year.told, year.people)
    return outcome, time.perf_counter() - began
