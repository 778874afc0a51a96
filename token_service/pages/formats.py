"""Numbers, money and dates as the reader writes them, with spaces that do not break and − for minus.

Given points, minor units and UTC instants; dates are local to the programme's time zone. Pure but for the page's language.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, get_currency_precision
from babel.units import format_unit

from token_service.pages.languages import page_language
from token_service.program.durations import parse_duration

MINUS: Final = "−"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_SPACE_IN_DATE: Final = re.compile(r"(?<=\S) (?=\S)")
REGIONS: Final = {"fr": "fr_FR", "en": "en_GB"}
"""The country whose way of writing dates and numbers goes with each language."""


def number(value: int) -> str:
    """1284 → "1 284" in French, "1,284" in English."""
    return format_decimal(value, locale=_locale()).replace("-", MINUS)


def signed(value: int) -> str:
    """39 → "+ 39", −100 → "− 100": the sign always there, and never apart from its number."""
    return f"{'+' if value >= 0 else MINUS}{NO_BREAK}{number(abs(value))}"


def money(amount: int, currency: str) -> str:
    """Minor units as an amount: 12840, "EUR" → "128,40 €" in French, "€128.40" in English."""
    units = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(units, currency, locale=_locale()).replace("-", MINUS)


def round_money(amount: int, currency: str) -> str:
    """As `money`, without ".00": 38400, "EUR" → "384 €"."""
    whole, rest = divmod(amount, 10 ** get_currency_precision(currency))
    if rest:
        return money(amount, currency)
    pattern = Locale.parse(_locale()).currency_formats["standard"].pattern.replace(".00", "")
    return format_currency(whole, currency, pattern, locale=_locale(), currency_digits=False).replace("-", MINUS)


def day(at: datetime, time_zone: str) -> str:
    """ "4 décembre 2026", on one line; the first of a month in French is "1er"."""
    return calendar_day(at.astimezone(ZoneInfo(time_zone)).date())


def calendar_day(local: date) -> str:
    """As `day`, of a date."""
    text = format_date(local, "long", locale=_locale())
    if page_language() == "fr" and local.day == 1:
        text = text.replace("1 ", "1er ", 1)
    return _SPACE_IN_DATE.sub(NO_BREAK, text)


def clock(at: datetime, time_zone: str) -> str:
    """ "14:05"."""
    return format_time(at.astimezone(ZoneInfo(time_zone)), "HH:mm", locale=_locale())


def factor(percent: int) -> str:
    """150 → "× 1,5"."""
    return f"×{NO_BREAK}{format_decimal(Decimal(percent) / 100, locale=_locale())}"


def percent(hundredths: int) -> str:
    """Hundredths of a percent: 1234 → "12,34 %" in French, "12.34 %" in English."""
    return f"{format_decimal(Decimal(hundredths) / 100, locale=_locale())}{NO_BREAK}%"


def lasting(duration: str) -> str:
    """ISO 8601 as a length of time: "P1Y6M" → "18 mois", "P2Y" → "2 ans", "P14D" → "14 jours"."""
    parsed = parse_duration(duration)
    is_years = parsed.months >= 24 and parsed.months % 12 == 0
    calendar = (parsed.months // 12, "year") if is_years else (parsed.months, "month")
    return _lengths([calendar, (parsed.days, "day"), *_clock_lengths(parsed.seconds)])


def lasting_seconds(seconds: int) -> str:
    """86400 → "1 jour"; seconds > 0."""
    days, rest = divmod(seconds, 86_400)
    return _lengths([(days, "day"), *_clock_lengths(rest)])


def _clock_lengths(seconds: int) -> list[tuple[int, str]]:
    minutes, rest = divmod(seconds, 60)
    return [(minutes // 60, "hour"), (minutes % 60, "minute"), (rest, "second")]


def _lengths(lengths: list[tuple[int, str]]) -> str:
    parts = [format_unit(count, f"duration-{unit}", "long", locale=_locale()) for count, unit in lengths if count]
    return format_list([part.replace(" ", NO_BREAK) for part in parts], locale=_locale())


def _locale() -> str:
    return REGIONS[page_language()]
