"""What the parts of a ruleset are made of: amounts, names, lengths of time, conditions; and what every part is (schema.py)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from token_service.program.conditions import CONDITION_CHARACTERS_MAX
from token_service.program.durations import parse_duration, zone
from token_service.units import POINTS_MAX

LIST_MAX: Final = 200
"""Most rules, campaigns, levels, rewards or names in one list."""
PERCENT_MAX: Final = 10_000
DAY: Final = "day"
"""A local date, as a stretch of time."""


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _visit_window(text: str) -> str:
    try:
        return text if text == DAY else _duration(text)
    except ValueError as error:
        raise ValueError("must be `day`, or an ISO 8601 duration such as PT4H") from error


def _time_zone(name: str) -> str:
    zone(name)
    return name


Amount = Annotated[int, Field(ge=0, le=POINTS_MAX)]
PositiveAmount = Annotated[int, Field(ge=1, le=POINTS_MAX)]
Percent = Annotated[int, Field(ge=100, le=PERCENT_MAX)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Duration = Annotated[str, StringConstraints(max_length=40), AfterValidator(_duration)]
VisitWindow = Annotated[str, StringConstraints(max_length=39), AfterValidator(_visit_window)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)]
Condition = Annotated[str, StringConstraints(min_length=1, max_length=CONDITION_CHARACTERS_MAX)]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$", max_length=40)]
Rounding = Literal["floor", "half_up", "ceil"]
Basis = Literal["gross", "net", "goods"]
Names = dict[Literal["fr", "en"], Word]


class Part(BaseModel):
    """What every part of a ruleset is: strict, frozen, without unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)
