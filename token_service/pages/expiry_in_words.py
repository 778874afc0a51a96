"""When points expire, in words: those of the programme, and those of awards with an expiry of their own."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.pages import formats
from token_service.pages.keys_in_words import element_named
from token_service.pages.translation import gettext, ngettext
from token_service.program.expiry_schema import (
    AwardExpiry,
    DateExpiry,
    Expiry,
    FixedExpiry,
    InactivityExpiry,
    PeriodEndExpiry,
    RuleExpiry,
)
from token_service.program.ruleset import Ruleset


def expiry_in_words(expiry: Expiry) -> str:
    """When all points expire that have no date of their own."""
    if isinstance(expiry, FixedExpiry):
        period = formats.lasting(expiry.period)
        if expiry.round_to == "month_end":
            return gettext("Points expire %(period)s after the purchase, at the end of the month.", period=period)
        return gettext("Points expire %(period)s after the purchase.", period=period)
    if isinstance(expiry, InactivityExpiry):
        period = formats.lasting(expiry.period)
        return gettext("Points expire %(period)s after the last purchase or use of points.", period=period)
    if isinstance(expiry, PeriodEndExpiry):
        return _period_end(expiry)
    return gettext("Points never expire.")


def _period_end(expiry: PeriodEndExpiry) -> str:
    later = formats.number(expiry.periods)
    if expiry.period == "month":
        if not expiry.periods:
            return gettext("Points expire at the end of the month of the purchase.")
        return ngettext(
            "Points expire at the end of the month, %(number)s month after the purchase.",
            "Points expire at the end of the month, %(number)s months after the purchase.",
            expiry.periods,
            number=later,
        )
    if not expiry.periods:
        return gettext("Points expire at the end of the year of the purchase.")
    return ngettext(
        "Points expire at the end of the year, %(number)s year after the purchase.",
        "Points expire at the end of the year, %(number)s years after the purchase.",
        expiry.periods,
        number=later,
    )


def own_expiries_in_words(ruleset: Ruleset) -> Iterator[str]:
    """A sentence for each award whose points have an expiry of their own."""
    told = (
        *(("campaigns", one, getattr(one.award, "expiry", None)) for one in ruleset.campaigns),
        *(("earning", one, getattr(one, "expiry", None)) for one in ruleset.earning),
        *(("memberships", one, one.expiry) for one in ruleset.memberships),
        *(("challenges", one, one.award.expiry) for one in ruleset.challenges),
        *(("schedules", one, one.expiry) for one in ruleset.schedules),
    )
    for section, thing, expiry in told:
        if expiry is not None:
            yield _own(str(element_named(section, thing)), expiry)


def _own(whose: str, expiry: AwardExpiry | RuleExpiry) -> str:
    if isinstance(expiry, DateExpiry):
        day = formats.calendar_day(expiry.on)
        return gettext("%(whose)s: these points can be used until %(day)s.", whose=whose, day=day)
    if isinstance(expiry, FixedExpiry):
        period = formats.lasting(expiry.period)
        if expiry.round_to == "month_end":
            return gettext(
                "%(whose)s: these points expire %(period)s after they are earned, at the end of the month.",
                whose=whose,
                period=period,
            )
        return gettext("%(whose)s: these points expire %(period)s after they are earned.", whose=whose, period=period)
    if isinstance(expiry, PeriodEndExpiry):
        return _own_period_end(whose, expiry)
    return gettext("%(whose)s: these points never expire.", whose=whose)


def _own_period_end(whose: str, expiry: PeriodEndExpiry) -> str:
    later = formats.number(expiry.periods)
    if expiry.period == "month":
        if not expiry.periods:
            return gettext(
                "%(whose)s: these points expire at the end of the month in which they are earned.", whose=whose
            )
        return ngettext(
            "%(whose)s: these points expire at the end of the month, %(number)s month after they are earned.",
            "%(whose)s: these points expire at the end of the month, %(number)s months after they are earned.",
            expiry.periods,
            whose=whose,
            number=later,
        )
    if not expiry.periods:
        return gettext("%(whose)s: these points expire at the end of the year in which they are earned.", whose=whose)
    return ngettext(
        "%(whose)s: these points expire at the end of the year, %(number)s year after they are earned.",
        "%(whose)s: these points expire at the end of the year, %(number)s years after they are earned.",
        expiry.periods,
        whose=whose,
        number=later,
    )
