"""A whole ruleset in plain words: what a purchase earns, what raises it, how long points last, what they buy.

Every sentence is whole, so that it can be translated as one. A campaign's condition alone is shown as the rules write it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from token_service.ledger.reward_terms import terms_of
from token_service.pages import formats
from token_service.pages.breakdown import (
    action_in_words,
    level_named,
    limit_in_words,
    membership_named_in_words,
    own_name,
    reward_named,
    rule_in_words,
)
from token_service.pages.campaigns_in_words import campaign_in_words
from token_service.pages.challenge_words import challenge_in_words
from token_service.pages.deliveries_in_words import delivery_in_words
from token_service.pages.expiry_in_words import expiry_in_words, own_expiries_in_words
from token_service.pages.giving_in_words import giving_in_words
from token_service.pages.levels_in_words import levels_in_words
from token_service.pages.memberships_in_words import membership_in_words
from token_service.pages.on_offer import needed_in_words
from token_service.pages.reward_words import prices_in_words, terms_in_words, voucher_end_in_words
from token_service.pages.schedules_in_words import schedule_in_words
from token_service.pages.spending_in_words import bounds_in_words
from token_service.pages.translation import gettext, ngettext
from token_service.program.action_schema import AwardLimits, GiftLimits
from token_service.program.caps import MERCHANT_DAY, PROGRAM_DAY, STORE_DAY
from token_service.program.challenge_schema import Challenge
from token_service.program.earning import purchase_rules
from token_service.program.kinds import gives_points
from token_service.program.ruleset import Ruleset
from token_service.program.schema import ActionRule, Campaign, Reward, VisitRule
from token_service.program.schema_values import DAY

LIMITS: Final = ("per_order_points", "per_member_day_points", "velocity", STORE_DAY, MERCHANT_DAY, PROGRAM_DAY)
CHAPTERS: Final = (
    *("earning", "actions", "memberships", "challenges", "segments", "visits"),
    *("offers", "levels", "limits", "time", "dates", "rewards", "donations"),
)
"""A word for each chapter, in their order."""


@dataclass(frozen=True)
class Told:
    """One thing that the rules say; `condition` is a formula of the rules' own language."""

    text: str
    condition: str | None = None


@dataclass(frozen=True)
class Chapter:
    """A heading and what the rules say under it; never empty."""

    title: str
    lines: tuple[Told, ...]


def in_words(ruleset: Ruleset, only: Container[str] | None = None) -> tuple[Chapter, ...]:
    """The rules, chapter by chapter, in the page's language; a chapter that the rules don't have is left out. With `only`, those
    chapters of CHAPTERS.
    """
    told = (
        (gettext("What a purchase earns"), _earning(ruleset)),
        (gettext("What else earns points"), _actions(ruleset)),
        (gettext("Memberships"), (Told(membership_in_words(one, ruleset)) for one in ruleset.memberships)),
        (
            gettext("Challenges"),
            (_challenge(challenge, ruleset) for challenge in ruleset.challenges),
        ),
        (gettext("Segments"), _segments(ruleset)),
        (gettext("Visits"), _visits(ruleset)),
        (gettext("Offers"), (_campaign(ruleset, campaign) for campaign in ruleset.campaigns)),
        (gettext("Levels"), map(Told, levels_in_words(ruleset))),
        (gettext("Limits"), _limits(ruleset)),
        (gettext("When points can be used, and until when"), _time(ruleset) if gives_points(ruleset) else ()),
        (gettext("Points with an expiry of their own"), map(Told, own_expiries_in_words(ruleset))),
        (gettext("What points buy"), _rewards(ruleset)),
        (gettext("Gifts to causes"), map(Told, giving_in_words(ruleset))),
    )
    asked = (one for key, one in zip(CHAPTERS, told, strict=True) if only is None or key in only)
    chapters = (Chapter(title, tuple(lines)) for title, lines in asked)
    return tuple(chapter for chapter in chapters if chapter.lines)


def _earning(ruleset: Ruleset) -> Iterator[Told]:
    rules = purchase_rules(ruleset)
    for rule in rules:
        yield Told(rule_in_words(rule, ruleset))
        if not isinstance(rule, VisitRule) and rule.basis != "gross":
            yield Told(gettext("Tax is not counted.") if rule.basis == "net" else gettext("Delivery is not counted."))
    roundings = {
        "floor": gettext("Parts of a point are dropped."),
        "half_up": gettext("Parts of a point are rounded to the nearest whole one, halves up."),
        "ceil": gettext("Parts of a point are rounded up to a whole one."),
    }
    for rounding in dict.fromkeys(rule.rounding for rule in rules if not isinstance(rule, VisitRule)):
        yield Told(roundings[rounding])


def _visits(ruleset: Ruleset) -> Iterator[Told]:
    """What counts as one visit, where the rules say so."""
    visits = ruleset.visits
    if visits is None:
        return
    if visits.window == DAY:
        yield Told(gettext("All purchases of one day are one visit, whenever they are reported."))
    else:
        period = formats.lasting(visits.window)
        yield Told(
            gettext(
                "Purchases less than %(period)s apart are one visit, whenever they are reported.",
                period=period,
            )
        )
    if visits.refunded == "count":
        yield Told(gettext("A visit still counts when all of it was given back."))
    else:
        yield Told(gettext("A visit does not count any more when all of it was given back."))


def _actions(ruleset: Ruleset) -> Iterator[Told]:
    """Rules for what is no purchase, and what comes by the calendar."""
    once = {
        "subject": gettext("Each one counts once."),
        "person": gettext("Each person gets it once, known by their e-mail address or telephone."),
    }
    for rule in ruleset.earning:
        if isinstance(rule, ActionRule):
            sentences = [
                f"{action_in_words(rule)}.",
                once[rule.once_per] if rule.once_per else "",
                *_award_limits(ruleset, rule.limits),
            ]
            yield Told(" ".join(sentence for sentence in sentences if sentence))
    for one in ruleset.schedules:
        said = (schedule_in_words(one), _dates(one.starts, one.until), *_award_limits(ruleset, one.limits))
        yield Told(" ".join(sentence for sentence in said if sentence), one.when)


def _segments(ruleset: Ruleset) -> Iterator[Told]:
    """The groups that offers may be for."""
    if ruleset.segments:
        names = ", ".join(own_name(one) for one in ruleset.segments)
        yield Told(gettext("Offers may be for these groups of members: %(names)s.", names=names))
    companies = ", ".join(own_name(one) for one in ruleset.segments if one.companies)
    if companies:
        yield Told(gettext("Of companies: %(names)s.", names=companies))


def _campaign(ruleset: Ruleset, campaign: Campaign) -> Told:
    said = campaign_in_words(campaign, ruleset)
    sentences = [said, _dates(campaign.starts, campaign.until), *_award_limits(ruleset, campaign.limits)]
    return Told(" ".join(sentence for sentence in sentences if sentence), campaign.when)


def _award_limits(ruleset: Ruleset, limits: AwardLimits | None) -> Iterator[str]:
    if limits is None:
        return
    if limits.per_member is not None and limits.per_member.every is None:
        yield ngettext(
            "Each member gets it once.",
            "Each member gets it %(times)s times at the most.",
            limits.per_member.times,
            times=formats.number(limits.per_member.times),
        )
    elif limits.per_member is not None and limits.per_member.every is not None:
        yield ngettext(
            "Each member gets it once in %(period)s at the most.",
            "Each member gets it %(times)s times in %(period)s at the most.",
            limits.per_member.times,
            times=formats.number(limits.per_member.times),
            period=formats.lasting(limits.per_member.every),
        )
    if limits.budget_points is not None:
        points = formats.number(limits.budget_points)
        yield gettext("It gives %(points)s points in all, to everybody together.", points=points)
    if limits.budget_amount is not None:
        money = formats.money(limits.budget_amount, ruleset.program.currency)
        yield gettext("It gives points worth %(money)s in all, to everybody together.", money=money)
    if isinstance(limits, GiftLimits) and limits.budget_vouchers is not None:
        yield ngettext(
            "There is one voucher in all.",
            "There are %(vouchers)s vouchers in all, for everybody together.",
            limits.budget_vouchers,
            vouchers=formats.number(limits.budget_vouchers),
        )


def _dates(starts: date | None, until: date | None) -> str | None:
    if starts and until:
        return gettext(
            "From %(start)s to %(end)s, both days included.",
            start=formats.calendar_day(starts),
            end=formats.calendar_day(until),
        )
    if starts:
        return gettext("From %(start)s on.", start=formats.calendar_day(starts))
    if until:
        return gettext("Until %(end)s, that day included.", end=formats.calendar_day(until))
    return None


def _challenge(challenge: Challenge, ruleset: Ruleset) -> Told:
    dates = _dates(challenge.starts, challenge.until)
    sentences = (challenge_in_words(challenge, ruleset), dates, *_award_limits(ruleset, challenge.limits))
    said = " ".join(sentence for sentence in sentences if sentence)
    return Told(said, getattr(challenge.count, "when", None))


def _limits(ruleset: Ruleset) -> Iterator[Told]:
    for key in LIMITS:
        said = limit_in_words(ruleset, key)
        if said is not None and ruleset.limits.refuses(key):
            said = gettext("%(limit)s; what would earn more earns nothing", limit=said)
        if said is not None:
            yield Told(said)
    if ruleset.limits.velocity is not None and ruleset.limits.velocity.freeze:
        yield Told(gettext("Who goes on buying faster than that is frozen until somebody has looked."))
    most = ruleset.limits.manual_issuance_points
    if most == 0:
        yield Told(gettext("No points are given by hand."))
    elif most is not None:
        yield Told(
            ngettext(
                "At most %(points)s point is given by hand at a time.",
                "At most %(points)s points are given by hand at a time.",
                most,
                points=formats.number(most),
            )
        )
    yield from map(Told, _by_hand(ruleset))
    alone = ruleset.limits.adjustment_points
    if alone is not None:
        yield Told(
            gettext("A correction of more than %(points)s points needs two people.", points=formats.number(alone))
        )
    published = ruleset.limits.publication_points
    if published is not None:
        yield Told(
            gettext(
                "Rules that can give more than %(points)s points more than before need two people.",
                points=formats.number(published),
            )
        )


def _by_hand(ruleset: Ruleset) -> Iterator[str]:
    limits = ruleset.limits
    if limits.count_manual:
        yield gettext("Points given by hand count in the day’s limits as those of purchases do.")
    if limits.manual_issuance_day_points is not None:
        most = formats.number(limits.manual_issuance_day_points)
        yield gettext("One person gives at most %(points)s points by hand in a day.", points=most)
    if limits.adjustment_day_points is not None:
        most = formats.number(limits.adjustment_day_points)
        yield gettext("One person alone corrects at most %(points)s points in a day.", points=most)


def _time(ruleset: Ruleset) -> Iterator[Told]:
    if ruleset.return_window is None:
        yield Told(gettext("Points can be used at once."))
    else:
        period = formats.lasting(ruleset.return_window)
        yield Told(gettext("Points can be used %(period)s after the purchase, its return window.", period=period))
    yield from map(Told, delivery_in_words(ruleset))
    yield Told(expiry_in_words(ruleset.expiry))
    yield Told(
        gettext(
            "Points that come back when a reward is cancelled last at least another %(period)s.",
            period=formats.lasting(ruleset.restoration_grace),
        )
    )
    if ruleset.accept_late is not None:
        late = formats.lasting(ruleset.accept_late)
        yield Told(gettext("A shop has %(period)s to record a purchase.", period=late))


def _rewards(ruleset: Ruleset) -> Iterator[Told]:
    program = ruleset.program
    value = program.point_value
    if value is not None:
        yield Told(
            ngettext(
                "%(points)s point is worth %(amount)s.",
                "%(points)s points are worth %(amount)s.",
                value.points,
                points=formats.number(value.points),
                amount=formats.round_money(value.amount, program.currency),
            )
        )
    yield from map(Told, bounds_in_words(ruleset))
    for reward in ruleset.rewards:
        said = ngettext(
            "%(reward)s: %(points)s point",
            "%(reward)s: %(points)s points",
            reward.points,
            reward=reward_named(ruleset, reward.id),
            points=formats.number(reward.points),
        )
        terms = terms_in_words(terms_of(reward, program.currency))
        yield Told(". ".join([said, *prices_in_words(reward, ruleset), *terms, *_who_and_when(reward, ruleset)]))


def _who_and_when(reward: Reward, ruleset: Ruleset) -> Iterator[str]:
    """Without the full stop at the end, like the reward itself."""
    dates = _dates(reward.starts, reward.until)
    if dates is not None:
        yield dates.removesuffix(".")
    for level, days in (reward.early_days or {}).items():
        is_paid = any(one.id == level for one in ruleset.memberships)
        name = membership_named_in_words(ruleset, level) if is_paid else level_named(ruleset, level)
        if is_paid:
            yield ngettext(
                "With the membership %(name)s, %(days)s day earlier",
                "With the membership %(name)s, %(days)s days earlier",
                days,
                name=name,
                days=formats.number(days),
            )
            continue
        yield ngettext(
            "With the level %(level)s, %(days)s day earlier",
            "With the level %(level)s, %(days)s days earlier",
            days,
            level=name,
            days=formats.number(days),
        )
    end = voucher_end_in_words(reward)
    if end is not None:
        yield end
    if reward.per_member is not None:
        yield from (
            said.removesuffix(".") for said in _award_limits(ruleset, AwardLimits(per_member=reward.per_member))
        )
    if reward.levels or reward.memberships or reward.segments:
        yield needed_in_words(reward.levels, reward.memberships, reward.segments, ruleset)
