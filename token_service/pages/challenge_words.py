"""Challenges in the member's words: what is counted, how much of it, and what a completion gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from token_service.pages import formats
from token_service.pages.breakdown import own_name, plain_id, reward_named
from token_service.pages.translation import gettext, ngettext
from token_service.program.action_schema import REFERRED
from token_service.program.challenge_schema import (
    Challenge,
    ChallengeAward,
    CountEvents,
    CountItems,
    CountSpend,
    CountStreak,
)
from token_service.program.events import INVITED
from token_service.program.ruleset import Ruleset
from token_service.program.schema import ActionRule

STAMPS_MAX: Final = 12
"""So many are drawn as stamps; more as a bar."""


def goal_in_words(challenge: Challenge, ruleset: Ruleset) -> str:
    """ "5 × coffee", "3 purchases", "€100.00 spent in a month"."""
    said = _counted(challenge, ruleset)
    within = {
        None: said,
        "week": gettext("%(goal)s in a week", goal=said),
        "month": gettext("%(goal)s in a month", goal=said),
        "quarter": gettext("%(goal)s in a quarter", goal=said),
        "year": gettext("%(goal)s in a year", goal=said),
    }
    return within[challenge.period]


def _counted(challenge: Challenge, ruleset: Ruleset) -> str:
    count, target = challenge.count, challenge.target
    if isinstance(count, CountSpend):
        return gettext("%(amount)s spent", amount=formats.round_money(target, ruleset.program.currency))
    if isinstance(count, CountStreak):
        return _streak(count, target)
    number = formats.number(target)
    if isinstance(count, CountItems):
        return f"{number} × {', '.join((*count.categories, *count.skus))}"
    if isinstance(count, CountEvents):
        return f"{number} × {_event_name(count.event, ruleset)}"
    if count.kind == "visits":
        return ngettext("%(number)s day with a purchase", "%(number)s days with a purchase", target, number=number)
    return ngettext("%(number)s purchase", "%(number)s purchases", target, number=number)


def _streak(count: CountStreak, target: int) -> str:
    number = formats.number(target)
    if count.every == "week":
        return ngettext(
            "a purchase in %(number)s week", "a purchase in %(number)s weeks in a row", target, number=number
        )
    if count.every == "month":
        return ngettext(
            "a purchase in %(number)s month", "a purchase in %(number)s months in a row", target, number=number
        )
    if count.every == "quarter":
        return ngettext(
            "a purchase in %(number)s quarter", "a purchase in %(number)s quarters in a row", target, number=number
        )
    return ngettext("a purchase in %(number)s year", "a purchase in %(number)s years in a row", target, number=number)


def _event_name(event: str, ruleset: Ruleset) -> str:
    own = {REFERRED: gettext("a friend invited"), INVITED: gettext("invited by a friend")}
    rules = (rule for rule in ruleset.earning if isinstance(rule, ActionRule) and rule.event == event)
    return own.get(event) or next((own_name(rule) for rule in rules), plain_id(event.replace(".", " ")))


def award_in_words(award: ChallengeAward, ruleset: Ruleset) -> str:
    """ "200 points and a badge"; empty for a draft's award that gives nothing."""
    *before, last = list(_parts(award, ruleset)) or [""]
    for part in reversed(before):
        last = gettext("%(first)s and %(second)s", first=part, second=last)
    return last


def _parts(award: ChallengeAward, ruleset: Ruleset) -> Iterator[str]:
    if award.points is not None:
        points = formats.number(award.points)
        yield ngettext("%(points)s point", "%(points)s points", award.points, points=points)
    if award.reward is not None:
        yield gettext("a voucher: %(reward)s", reward=reward_named(ruleset, award.reward))
    if award.badge:
        yield gettext("a badge")


def challenge_in_words(challenge: Challenge, ruleset: Ruleset) -> str:
    """The whole challenge, in one sentence."""
    words = {
        "name": own_name(challenge),
        "goal": goal_in_words(challenge, ruleset),
        "award": award_in_words(challenge.award, ruleset),
    }
    if challenge.repeat == "always":
        return gettext("“%(name)s”: %(award)s for %(goal)s, each time anew.", **words)
    return gettext("“%(name)s”: %(award)s for %(goal)s.", **words)
