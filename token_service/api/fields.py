"""The types of fields that many bodies share: points, money, times, names. Ranges are API.md's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from token_service.api.input import Body
from token_service.api.plain import plain
from token_service.units import POINTS_MAX

PAGE_SIZE_MAX: Final = 100
BATCH_SIZE_MAX: Final = 1_000
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


class _Written:
    """Text in one fixed form, read by `parse`; pydantic's own reading takes seconds since 1970 as text, too."""

    def __init__(self, parse: Callable[[str], Any], format_: str) -> None:
        self.parse = parse
        self.format = format_

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            self.parse,
            core_schema.str_schema(max_length=40),
            serialization=core_schema.plain_serializer_function_ser_schema(plain),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": self.format}


def _time(text: str) -> datetime:
    """The instant in UTC. Raises ValueError unless it is RFC 3339 between 1970 and 9000, where every rule's period fits."""
    try:
        value = datetime.fromisoformat(text.upper()) if _TIME.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or not 1970 <= value.year <= 9000:
        raise ValueError("a time is written like 2026-11-22T11:58:00Z, between the years 1970 and 9000")
    return value.astimezone(UTC)


def _day(text: str) -> date:
    """The date. Raises ValueError unless it is written YYYY-MM-DD and lies between 1900 and 9000."""
    try:
        value = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or not 1900 <= value.year <= 9000:
        raise ValueError("a date is written like 1990-02-28, between the years 1900 and 9000")
    return value


Time = Annotated[datetime, _Written(_time, "date-time")]
"""RFC 3339 with an offset."""
Day = Annotated[date, _Written(_day, "date")]
Points = Annotated[int, Field(ge=0, le=POINTS_MAX)]
PositivePoints = Annotated[int, Field(ge=1, le=POINTS_MAX)]
SignedPoints = Annotated[int, Field(ge=-POINTS_MAX, le=POINTS_MAX)]
MinorUnits = Annotated[int, Field(ge=0, le=POINTS_MAX, examples=[2390])]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["EUR"])]
Reference = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE), Field(examples=["till-3/2026-11-22/0042"])
]
"""The caller's permanent name for an operation."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
"""A caller's short name for a line, an article, a category, a channel."""
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_PRINTABLE)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=30, pattern=r"^[a-z]{3}_[0-9A-Z]{26}$")]
"""Prefix and ULID."""
Email = Annotated[
    str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+$")
]
Locale = Annotated[
    str,
    StringConstraints(min_length=2, max_length=16, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    Field(examples=["fr-FR"]),
]


class Money(Body):
    """Minor units and an ISO 4217 code: `{"amount": 2390, "currency": "EUR"}` is 23.90 EUR."""

    amount: MinorUnits
    currency: Currency
