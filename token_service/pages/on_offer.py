"""Rewards as a member or a till sees them: those that are over are gone, those that are closed to the member say why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from token_service.pages import formats
from token_service.pages.breakdown import level_named
from token_service.pages.translation import gettext
from token_service.program.rewards import closed
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Reward

OVER = "over"


def on_offer(rules: Ruleset, tier: str | None, at: datetime) -> list[tuple[Reward, str | None]]:
    """Each reward that is not over, with a sentence where this level cannot have it now."""
    found = [(reward, closed(rules, reward, tier, at)) for reward in rules.rewards]
    return [
        (reward, None if why_not is None else closed_in_words(why_not.facts, rules))
        for reward, why_not in found
        if why_not is None or why_not.reason != OVER
    ]


def closed_in_words(facts: Mapping[str, Any], rules: Ruleset) -> str | None:
    """Why a reward cannot be had, from a refusal's facts; None where they don't say."""
    reason = facts.get("reason")
    if reason == "level_needed":
        levels = ", ".join(level_named(rules, level) for level in facts["levels"])
        return gettext("Only with this level: %(levels)s", levels=levels)
    if reason == "not_yet_open":
        day = formats.day(datetime.fromisoformat(facts["opens_at"]), rules.program.time_zone)
        return gettext("To be had from %(day)s on", day=day)
    if reason == OVER:
        return gettext("It was to be had until %(day)s.", day=formats.calendar_day(date.fromisoformat(facts["until"])))
    return None
