"""What the ledger itself demands of values that come in, whoever calls: texts that fit and can be stored, whole
points, sane times.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Final

from token_service.errors import InvalidInput, Place
from token_service.ledger.transaction import Transaction
from token_service.units import POINTS_MAX

REFERENCE_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 500
BATCH_MAX: Final = 1_000
FIRST_INSTANT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def wrong(pointer: str, detail: str) -> InvalidInput:
    """An InvalidInput that names its place."""
    return InvalidInput(detail, places=(Place(pointer, detail),))


def text(pointer: str, value: str, *, longest: int = TEXT_LENGTH_MAX) -> str:
    """The text, unless it is empty, too long, or holds control characters (which PostgreSQL or a page cannot take)."""
    if not value or len(value) > longest:
        raise wrong(pointer, f"must have 1 to {longest} characters")
    if any(unicodedata.category(character) == "Cc" for character in value) or not value.strip():
        raise wrong(pointer, "must not hold control characters, nor spaces only")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise wrong(pointer, "must be valid Unicode") from error
    return value


def optional_text(pointer: str, value: str | None, *, longest: int = TEXT_LENGTH_MAX) -> str | None:
    """As `text`; None stays None."""
    return None if value is None else text(pointer, value, longest=longest)


def reference(value: str) -> str:
    """A caller's permanent name for an operation."""
    return text("/reference", value, longest=REFERENCE_LENGTH_MAX)


def points(pointer: str, value: int) -> int:
    """Whole points from 1 to 2^53 − 1."""
    if type(value) is not int or not 1 <= value <= POINTS_MAX:
        raise wrong(pointer, "must be a whole number from 1 to 9007199254740991")
    return value


def email(pointer: str, value: str) -> str:
    """Something with one @ inside, of at most 254 characters; whether it arrives, a mail shows."""
    if not 3 <= len(value) <= 254 or value.count("@") != 1 or "@" in (value[0], value[-1]):
        raise wrong(pointer, "must be an e-mail address")
    return value


def money(pointer: str, value: int) -> int:
    """Minor units from 0 to 2^53 − 1."""
    if type(value) is not int or not 0 <= value <= POINTS_MAX:
        raise wrong(pointer, "must be a whole number from 0 to 9007199254740991")
    return value


def when(tx: Transaction, pointer: str, value: datetime) -> datetime:
    """The instant in UTC. Raises InvalidInput when it is naive, before 1970 or further in the future than clocks
    differ.
    """
    if value.tzinfo is None:
        raise wrong(pointer, "needs a time zone")
    if value > tx.now + tx.context.clock_skew:
        raise wrong(pointer, "lies in the future")
    if value < FIRST_INSTANT:
        raise wrong(pointer, "lies before 1970")
    return value.astimezone(UTC)  # only now: at the ends of the calendar there is no other time zone
