"""Durations of a fixed length, as ISO 8601 writes them: days, hours, minutes, seconds. Months are the rulesets' matter."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from token_service.errors import InvalidInput, Place

_PATTERN: Final = r"^P(\d{1,5}D)?(T(\d{1,6}H)?(\d{1,7}M)?(\d{1,9}S)?)?$"
_FORM: Final = re.compile(_PATTERN)
_SECONDS_OF: Final = {"D": 86_400, "H": 3_600, "M": 60, "S": 1}

Duration = Annotated[str, StringConstraints(max_length=40, pattern=_PATTERN), Field(examples=["P1D", "PT15M"])]


def seconds_of(duration: str, *, pointer: str) -> int:
    """The whole seconds of a duration, more than 0. Raises InvalidInput at `pointer`."""
    parts = re.findall(r"(\d+)([DHMS])", duration) if _FORM.match(duration) else []
    seconds = sum(int(number) * _SECONDS_OF[unit] for number, unit in parts)
    if seconds == 0:
        detail = "A duration of more than nothing, like P1D or PT15M."
        raise InvalidInput(detail, places=(Place(pointer, detail),))
    return seconds


def duration_of(seconds: int) -> str:
    """The duration of so many seconds, in the largest units that divide them: P14D, PT36H, PT90S, PT0S."""
    if seconds and seconds % 86_400 == 0:
        return f"P{seconds // 86_400}D"
    unit = next(unit for unit in "HMS" if seconds % _SECONDS_OF[unit] == 0) if seconds else "S"
    return f"PT{seconds // _SECONDS_OF[unit]}{unit}"
