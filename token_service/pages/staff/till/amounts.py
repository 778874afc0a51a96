"""Money and whole numbers as people type them at a till, in the habits of any country."""

from __future__ import annotations

import re
from typing import Final

from babel.numbers import get_currency_precision, get_currency_symbol

from token_service.pages.languages import LANGUAGES
from token_service.units import POINTS_MAX

LENGTH_MAX: Final = 30
_SPACES: Final = re.compile(r"[\s'’]")
_WHOLE: Final = re.compile(r"\d{1,16}", re.ASCII)


def parse_amount(typed: str, currency: str) -> int | None:
    """Minor units > 0: "23,90", "23.9", "€1,234.50", "1 234" with EUR are 2390, 2390, 123450, 123400.

    None for anything else, and for what could mean two amounts: "1.234" is neither taken for 1234 nor for 1.23."""
    amount = parse_amount_or_zero(typed, currency)
    return amount or None


def parse_amount_or_zero(typed: str, currency: str) -> int | None:
    """As `parse_amount`, with 0 for "0" and for nothing typed."""
    if len(typed) > LENGTH_MAX:
        return None
    text = _bare(typed, currency)
    if not text:
        return 0
    digits = get_currency_precision(currency)
    decimals = rf"(?:(?P<point>[.,])(?P<minor>\d{{1,{digits}}}))?" if digits else ""
    match = re.fullmatch(
        rf"(?P<major>\d+|\d{{1,3}}(?:(?P<group>[.,])\d{{3}})(?:(?P=group)\d{{3}})*){decimals}", text, re.ASCII
    )
    if match is None:
        return None
    found = match.groupdict()
    group, point = found["group"], found.get("point")
    if group and (group == point or (digits and not point)):
        return None
    major = found["major"].replace(group, "") if group else found["major"]
    minor = (found.get("minor") or "").ljust(digits, "0")
    amount = int(major + minor)
    return amount if amount <= POINTS_MAX else None


def parse_whole(typed: str) -> int | None:
    """A whole number ≥ 0 ("1 200" is 1200); None for anything else."""
    text = _SPACES.sub("", typed)
    return int(text) if _WHOLE.fullmatch(text) and int(text) <= POINTS_MAX else None


def _bare(typed: str, currency: str) -> str:
    """Without spaces, and without the currency before or behind."""
    text = _SPACES.sub("", typed)
    for name in (currency, *(get_currency_symbol(currency, locale=language) for language in LANGUAGES)):
        if text.startswith(name) or text.endswith(name):
            return text.removeprefix(name) if text.startswith(name) else text.removesuffix(name)
    return text
