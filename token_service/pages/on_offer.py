"""Rewards as a member or a till sees them: those that are over are gone, those that are closed to the member say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from token_service.ledger.views import RewardStanding
from token_service.pages import formats
from token_service.pages.breakdown import level_named, membership_named_in_words, reward_named, segment_named
from token_service.pages.giving_in_words import not_given_in_words
from token_service.pages.reward_words import instead_of, terms_in_words, voucher_end_in_words
from token_service.pages.spending_in_words import bound_in_words
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset

OVER = "over"
FEW_MAX = 10
SIGNS: Final[Mapping[str, object]] = {"reason": "member_leaving", "state": "left"}
"""The refusal to a member who keeps the points in a wallet of their own, and can have the reward by a signature."""


@dataclass(frozen=True)
class Offer:
    """A reward at this member's price, and the points still missing for it; 0 = within reach. `closed` says why this member
    cannot have it now, `few` how many are left where they are few, `terms` what comes off which orders, and what others pay,
    `cause` whom it gives to.
    """

    id: str
    name: str
    points: int
    missing: int
    closed: str | None = None
    few: str | None = None
    terms: tuple[str, ...] = ()
    cause: str | None = None


def on_offer(rules: Ruleset, standings: Iterable[RewardStanding]) -> list[Offer]:
    """Each reward that is not over, in words for the member whose standings these are."""
    return [
        Offer(
            id=one.id,
            name=reward_named(rules, one.id),
            points=one.points,
            missing=one.missing_points,
            closed=closed_in_words(one.refusal, rules),
            few=_few(one.pieces_left),
            terms=_terms(one, rules),
            cause=one.terms.cause,
        )
        for one in standings
        if one.refusal.get("reason") != OVER
    ]


def _terms(one: RewardStanding, rules: Ruleset) -> tuple[str, ...]:
    reward = next(reward for reward in rules.rewards if reward.id == one.id)
    more = (instead_of(reward, one.points), voucher_end_in_words(reward))
    return (*terms_in_words(one.terms), *(said for said in more if said is not None))


def _few(pieces_left: int | None) -> str | None:
    if pieces_left is None or not 0 < pieces_left <= FEW_MAX:
        return None
    number = formats.number(pieces_left)
    return ngettext("Only %(number)s left", "Only %(number)s left", pieces_left, number=number)


def needed_in_words(levels: Iterable[str], memberships: Iterable[str], segments: Iterable[str], rules: Ruleset) -> str:
    """Who may have a reward that is not for everybody."""
    named = [level_named(rules, level) for level in levels]
    paid = ", ".join(membership_named_in_words(rules, one) for one in memberships)
    groups = ", ".join(segment_named(rules, one) for one in segments)
    if groups and not named and not paid:
        return gettext("Only for this group: %(groups)s", groups=groups)
    if groups:
        return gettext("Only with one of: %(names)s", names=", ".join(one for one in (*named, paid, groups) if one))
    if not named:
        return gettext("Only with this membership: %(memberships)s", memberships=paid)
    if not paid:
        return gettext("Only with this level: %(levels)s", levels=", ".join(named))
    return gettext("Only with one of: %(names)s", names=", ".join((*named, paid)))


def closed_in_words(facts: Mapping[str, Any], rules: Ruleset) -> str | None:
    """Why a reward cannot be had, from a refusal's facts; None where they don't say."""
    reason = facts.get("reason")
    if reason in ("level_needed", "membership_needed", "segment_needed"):
        levels, memberships, segments = (facts.get(name, ()) for name in ("levels", "memberships", "segments"))
        return needed_in_words(levels, memberships, segments, rules)
    if reason == "sold_out":
        return gettext("There is none left at the moment.")
    if reason == "had_already":
        return gettext("You have had it as often as each member can.")
    if reason == "not_yet_open":
        day = formats.day(datetime.fromisoformat(facts["opens_at"]), rules.program.time_zone)
        return gettext("To be had from %(day)s on", day=day)
    if reason == OVER:
        return gettext("It was to be had until %(day)s.", day=formats.calendar_day(date.fromisoformat(facts["until"])))
    return barred_in_words(facts) or not_given_in_words(facts) or bound_in_words(facts, rules)


def barred_in_words(facts: Mapping[str, Any]) -> str | None:
    """Why this member's points buy nothing at all now; None where it is for something else."""
    reason = facts.get("reason")
    if reason == "member_frozen":
        return gettext("Not while the card is blocked.")
    if reason == SIGNS["reason"] and facts.get("state") == SIGNS["state"]:
        return gettext("The points are in a wallet of their own: at the till, with its signature.")
    if reason == "member_leaving":
        return gettext("Not while the points are on their way.")
    if reason == "program_paused":
        return gettext("Not while the programme pauses: try again later.")
    return None
