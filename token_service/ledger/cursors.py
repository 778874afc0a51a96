"""Cursors of lists: opaque to callers, the place of the last item inside."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Row

from token_service.errors import InvalidInput, Place
from token_service.ledger.views import Page

Item = TypeVar("Item")

LIMIT_MAX: Final = 100
LIMIT_DEFAULT: Final = 20


def check_limit(limit: int) -> int:
    """The limit. Raises InvalidInput outside 1 … 100."""
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidInput("limit is between 1 and 100", places=(Place("/limit", "is between 1 and 100"),))
    return limit


def encode(place: str | int) -> str:
    """The cursor behind an item."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """What `encode` was given. Raises InvalidInput for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise wrong() from error
    if not place or len(place) > 70 or not place.replace("_", "").isalnum():
        raise wrong()
    return place


def decode_number(cursor: str) -> int:
    """As `decode`, for lists ordered by a number."""
    place = decode(cursor)
    if not place.isdecimal() or len(place) > 18:
        raise wrong()
    return int(place)


def page(rows: Sequence[Row[Any]], limit: int, place: str, view: Callable[[Row[Any]], Item]) -> Page[Item]:
    """The page of rows that were read one more than `limit`; `place` names the column that the list is ordered by."""
    more = len(rows) > limit
    data = tuple(view(row) for row in rows[:limit])
    return Page(data, encode(getattr(rows[limit - 1], place)) if more else None)


def wrong() -> InvalidInput:
    """What a cursor that no list of ours gave is refused with."""
    return InvalidInput("this cursor is not one of ours", places=(Place("/cursor", "is not one of ours"),))
