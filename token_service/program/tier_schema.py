"""The shape of what counts for levels, and how one is lost (docs/rulesets.md "Tiers")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from token_service.program.schema_values import LIST_MAX, Duration, Part


class RollingWindow(Part):
    kind: Literal["rolling"]
    period: Duration


class CalendarYearWindow(Part):
    kind: Literal["calendar_year"]


class LifetimeWindow(Part):
    kind: Literal["lifetime"]


TierWindow = Annotated[RollingWindow | CalendarYearWindow | LifetimeWindow, Field(discriminator="kind")]


class Downgrade(Part):
    """What happens when the window no longer carries a level: kept for `grace`, then `steps` levels down; or never."""

    after: Literal["window", "never"]
    grace: Duration | None = None
    steps: Annotated[int, Field(ge=1, le=LIST_MAX)] | None = None
