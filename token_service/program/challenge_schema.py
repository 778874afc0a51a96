"""Challenges in a ruleset: stamp cards, goals with a date, streaks. What they come to: challenges.py."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from token_service.program.action_schema import GiftLimits
from token_service.program.expiry_schema import AwardExpiry
from token_service.program.schema_values import (
    LIST_MAX,
    Basis,
    Condition,
    EventType,
    Identifier,
    Names,
    Part,
    PositiveAmount,
    Word,
)

Period = Literal["week", "month", "quarter", "year"]
"""A calendar period of the programme's local dates; weeks begin on Monday (ISO 8601)."""


class CountOrders(Part):
    """Purchases on which `when` holds."""

    kind: Literal["orders"]
    when: Condition | None = None


class CountItems(Part):
    """Pieces of the lines that match."""

    kind: Literal["items"]
    skus: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()
    categories: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()


class CountSpend(Part):
    """Minor units of what `basis` says, whole ones of each purchase."""

    kind: Literal["spend"]
    basis: Basis = "gross"
    when: Condition | None = None


class CountVisits(Part):
    """Local dates with a purchase on which `when` holds."""

    kind: Literal["visits"]
    when: Condition | None = None


class CountEvents(Part):
    """Events of a type."""

    kind: Literal["events"]
    event: EventType


class CountStreak(Part):
    """Periods in a row with a purchase on which `when` holds."""

    kind: Literal["streak"]
    every: Period
    when: Condition | None = None


Count = Annotated[
    CountOrders | CountItems | CountSpend | CountVisits | CountEvents | CountStreak, Field(discriminator="kind")
]


class ChallengeAward(Part):
    """Points, or a voucher for a reward, or a badge; a badge may come with one of the others. `expiry`: of the points alone."""

    points: PositiveAmount | None = None
    reward: Identifier | None = None
    badge: bool = False
    expiry: AwardExpiry | None = None


class Challenge(Part):
    """`target` of what is counted, between two local dates (both included), within each `period` if there is one; once, or again
    and again.
    """

    id: Identifier
    name: Names | None = None
    starts: date | None = Field(default=None, alias="from")
    until: date | None = None
    count: Count
    target: PositiveAmount
    period: Period | None = None
    repeat: Literal["once", "always"] = "once"
    award: ChallengeAward
    limits: GiftLimits | None = None
