"""The permanent name that a till's form carries from when it is made: what is sent twice under it is recorded once.

It holds the time of the form, so that a retry says the same time as well: T20261122-130501Z-7QK2M9XD.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from token_service.ledger.context import Context
from token_service.ledger.shown_codes import written

RANDOM_LENGTH: Final = 8
FORM_LIFETIME: Final = timedelta(days=1)
"""How long a form may wait to be recorded for the first time. A purchase happened when its form was made: without an end, whoever
writes a reference of their own would buy on a day of their choice.
"""
_FORM: Final = re.compile(r"T(\d{8}-\d{6})Z-[0-9A-HJKMNP-TV-Z]{8}", re.ASCII)


def new_reference(context: Context) -> str:
    """A reference that was never used: the time to the second, and 40 random bits."""
    drawn = written(context.random_bytes(RANDOM_LENGTH), RANDOM_LENGTH)
    return f"T{context.now().astimezone(UTC):%Y%m%d-%H%M%S}Z-{drawn}"


def is_current(context: Context, reference: str) -> bool:
    """Whether a form of this reference may still be recorded."""
    at, now = time_of(reference), context.now()
    return at is not None and now - FORM_LIFETIME <= at <= now + context.clock_skew


def time_of(reference: str) -> datetime | None:
    """When the form was made; None if this is not one of our references."""
    match = _FORM.fullmatch(reference)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
