"""What the console's forms have in common: fields read as text or whole numbers, names for what is done once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from babel.numbers import get_currency_precision
from flask import request

from token_service.errors import Place
from token_service.ledger.checks import TEXT_LENGTH_MAX
from token_service.pages.services import services
from token_service.pages.translation import gettext
from token_service.units import POINTS_MAX

_BLANKS: Final = re.compile(r"[\s\u00a0\u202f']")
_WHOLE: Final = re.compile(r"[0-9]+|[0-9]{1,3}([,.])[0-9]{3}(\1[0-9]{3})*", re.ASCII)
_MONEY: Final = re.compile(r"(?P<whole>[0-9]{1,13})(?:[.,](?P<cents>[0-9]+))?", re.ASCII)


class Words(dict[str, str]):
    """Texts by the name of a field; a field without one has none to show."""

    def __missing__(self, name: str) -> str:
        return ""


def field(name: str, longest: int = TEXT_LENGTH_MAX) -> str:
    """What was typed, trimmed, cut a little behind `longest` so that too long is still seen as too long."""
    return request.form.get(name, "").strip()[: longest + 1]


def whole_number(text: str, most: int = POINTS_MAX) -> int | None:
    """ "1 284", "1,284" and "1.284" are 1284; None for anything but a whole number from 0 to `most`: "1.5" is not 15."""
    written = _BLANKS.sub("", text)
    digits = written.replace(",", "").replace(".", "")
    if not _WHOLE.fullmatch(written) or len(digits) > 16:
        return None
    number = int(digits)
    return number if number <= most else None


def money_amount(text: str, currency: str) -> int | None:
    """ "23,90", "23.9" and "1 023" as minor units of the currency; None for anything else. The last , or . parts the cents."""
    digits = get_currency_precision(currency)
    found = _MONEY.fullmatch(_BLANKS.sub("", text))
    if found is None or len(found["cents"] or "") > digits:
        return None
    return whole_number(found["whole"] + (found["cents"] or "").ljust(digits, "0"))


def once() -> str:
    """A new name for something that a form does: the same form sent twice does it once."""
    return services().context.new_id("ctl")


def text_mistake(text: str, longest: int = TEXT_LENGTH_MAX) -> str | None:
    """Why a required text cannot be taken, in words; None when it can."""
    if not text:
        return gettext("Write something here.")
    if len(text) > longest:
        return gettext("At most %(count)s characters.", count=longest)
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        return gettext("One line, without control characters.")
    return None


def named(places: Iterable[Place], pointer: str) -> bool:
    """Whether one of the mistakes is at this place."""
    return any(place.pointer == pointer for place in places)
