"""Benefits in plain words: how often each may be used, on the open books; what is left of it, for its member and at the till."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from token_service.ledger.views import Benefit, BenefitUsed
from token_service.pages import formats
from token_service.pages.breakdown import benefit_named, campaign_named, level_named, membership_named_in_words
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset
from token_service.program.schema import LimitedBenefit, Membership, benefit_id


@dataclass(frozen=True)
class ShownBenefit:
    """One that the member has: what is `left` of it and when the `next` one is free, if it has a limit."""

    id: str
    name: str
    why: str
    left: str | None
    next: str | None
    may_use: bool


def shown_benefit(benefit: Benefit, rules: Ruleset) -> ShownBenefit:
    """A benefit that is granted, or was used as often as it may be."""
    return ShownBenefit(
        id=benefit.id,
        name=benefit_named(rules, benefit.id),
        why=_why(benefit, rules),
        left=left_in_words(benefit),
        next=_next(benefit, rules),
        may_use=benefit.granted,
    )


def benefit_in_words(granted: str | LimitedBenefit, ruleset: Ruleset, membership: Membership | None = None) -> str:
    """Its name, and how often it may be used: "Lounge (4 times in 12 months)"."""
    name = benefit_named(ruleset, benefit_id(granted))
    if isinstance(granted, str):
        return name
    number, every = formats.number(granted.times), granted.every
    if every is None and membership is not None:
        often = ngettext("once in each paid period", "%(times)s times in each paid period", granted.times, times=number)
    elif every is None:
        often = ngettext("once in all", "%(times)s times in all", granted.times, times=number)
    else:
        period = formats.lasting(every)
        often = ngettext(
            "once in %(period)s", "%(times)s times in %(period)s", granted.times, times=number, period=period
        )
    return gettext("%(benefit)s (%(often)s)", benefit=name, often=often)


def left_in_words(benefit: Benefit | BenefitUsed) -> str | None:
    """What is left of it: "2 of 4 left this year"; None where it may be used any number of times."""
    if benefit.times is None or benefit.left is None:
        return None
    left, times = formats.number(benefit.left), formats.number(benefit.times)
    if benefit.every is None:
        return gettext("%(left)s of %(times)s left", left=left, times=times)
    if benefit.every in ("P1Y", "P12M"):
        return gettext("%(left)s of %(times)s left this year", left=left, times=times)
    period = formats.lasting(benefit.every)
    return gettext("%(left)s of %(times)s left in %(period)s", left=left, times=times, period=period)


def _next(benefit: Benefit, rules: Ruleset) -> str | None:
    """When one more is free again; None where none was used, or none will be by itself."""
    if benefit.times is None or benefit.next_at is None:
        return None
    return gettext("One more from %(day)s.", day=formats.day(benefit.next_at, rules.program.time_zone))


def _why(benefit: Benefit, rules: Ruleset) -> str:
    if benefit.tier is not None:
        return gettext("Comes with the level %(level)s.", level=level_named(rules, benefit.tier))
    if benefit.membership is not None:
        return gettext("Comes with the membership %(name)s.", name=membership_named_in_words(rules, benefit.membership))
    name = campaign_named(rules, benefit.campaign or "")
    if benefit.until is None:
        return gettext("Comes with the offer “%(name)s”.", name=name)
    last = formats.day(benefit.until - timedelta(seconds=1), rules.program.time_zone)
    return gettext("Comes with the offer “%(name)s”, until %(day)s.", name=name, day=last)
