"""The expiry models of a ruleset: of all points, and of one award's points alone (docs/rulesets.md "expiry")."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from token_service.program.schema_values import Duration, Part


class NoExpiry(Part):
    kind: Literal["none"]


class FixedExpiry(Part):
    kind: Literal["fixed"]
    period: Duration
    round_to: Literal["none", "month_end"] = "none"


class PeriodEndExpiry(Part):
    """At the end of the month or year of the purchase, `periods` months or years later."""

    kind: Literal["period_end"]
    period: Literal["month", "year"]
    periods: Annotated[int, Field(ge=0, le=1200)] = 0


class InactivityExpiry(Part):
    kind: Literal["inactivity"]
    period: Duration


class DateExpiry(Part):
    """At the end of the local date `on`: it is the last day."""

    kind: Literal["date"]
    on: date


Expiry = Annotated[NoExpiry | FixedExpiry | PeriodEndExpiry | InactivityExpiry, Field(discriminator="kind")]
"""Of the programme's points."""
RuleExpiry = Annotated[NoExpiry | FixedExpiry | PeriodEndExpiry, Field(discriminator="kind")]
"""Of the points of one rule. What a member does later never moves such a date, so inactivity is none of them."""
AwardExpiry = Annotated[NoExpiry | FixedExpiry | PeriodEndExpiry | DateExpiry, Field(discriminator="kind")]
"""Of the points of an award that ends with a date of its own, behind which another one can lie."""
