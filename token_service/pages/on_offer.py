"""Rewards as a member or a till sees them: those that are over are gone, those that are closed to the member say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from token_service.ledger.views import Member
from token_service.pages import formats
from token_service.pages.breakdown import level_named, membership_named_in_words
from token_service.pages.translation import gettext
from token_service.program.rewards import Whose, closed
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Reward

OVER = "over"


def on_offer(rules: Ruleset, member: Member, at: datetime) -> list[tuple[Reward, str | None]]:
    """Each reward that is not over, with a sentence where this member cannot have it now."""
    whose = Whose(member.tier, tuple(one.id for one in member.memberships))
    found = [(reward, closed(rules, reward, whose, at)) for reward in rules.rewards]
    return [
        (reward, None if why_not is None else closed_in_words(why_not.facts, rules))
        for reward, why_not in found
        if why_not is None or why_not.reason != OVER
    ]


def needed_in_words(levels: Iterable[str], memberships: Iterable[str], rules: Ruleset) -> str:
    """Who may have a reward that is not for everybody."""
    named = [level_named(rules, level) for level in levels]
    paid = ", ".join(membership_named_in_words(rules, one) for one in memberships)
    if not named:
        return gettext("Only with this membership: %(memberships)s", memberships=paid)
    if not paid:
        return gettext("Only with this level: %(levels)s", levels=", ".join(named))
    return gettext("Only with one of: %(names)s", names=", ".join((*named, paid)))


def closed_in_words(facts: Mapping[str, Any], rules: Ruleset) -> str | None:
    """Why a reward cannot be had, from a refusal's facts; None where they don't say."""
    reason = facts.get("reason")
    if reason in ("level_needed", "membership_needed"):
        return needed_in_words(facts.get("levels", ()), facts.get("memberships", ()), rules)
    if reason == "not_yet_open":
        day = formats.day(datetime.fromisoformat(facts["opens_at"]), rules.program.time_zone)
        return gettext("To be had from %(day)s on", day=day)
    if reason == OVER:
        return gettext("It was to be had until %(day)s.", day=formats.calendar_day(date.fromisoformat(facts["until"])))
    return None
