"""The shape of a ruleset's limits: on what is earned, on what is done by hand, on what is spent (schema.py has the rest)."""

from __future__ import annotations

from typing import Literal

from token_service.program.schema_values import Amount, Duration, Part, PositiveAmount


class Velocity(Part):
    """How many purchases a member may earn by in any stretch of `every`; with `freeze` the next one freezes the member."""

    purchases: PositiveAmount
    every: Duration
    freeze: bool = False


Excess = Literal["reduce", "refuse"]


class Over(Part):
    """What becomes of an award that exceeds a limit: `reduce` gives what is left of it, `refuse` nothing at all."""

    per_order_points: Excess = "reduce"
    per_member_day_points: Excess = "reduce"
    per_store_day_points: Excess = "reduce"
    per_merchant_day_points: Excess = "reduce"
    program_day_points: Excess = "reduce"


class Limits(Part):
    """Most points at once or in a local day: of one order or member, of everybody in a store, with a merchant, in all, by hand of
    one person. With `count_manual`, issuances by hand come under the days' limits as purchases do.
    """

    per_order_points: PositiveAmount | None = None
    per_member_day_points: PositiveAmount | None = None
    per_store_day_points: PositiveAmount | None = None
    per_merchant_day_points: PositiveAmount | None = None
    program_day_points: PositiveAmount | None = None
    velocity: Velocity | None = None
    manual_issuance_points: Amount | None = None
    adjustment_points: Amount | None = None
    publication_points: Amount | None = None
    over: Over | None = None
    count_manual: bool | None = None
    manual_issuance_day_points: Amount | None = None
    adjustment_day_points: Amount | None = None

    def refuses(self, key: str) -> bool:
        """Whether an award that exceeds this limit is refused, not reduced."""
        return self.over is not None and getattr(self.over, key, "reduce") == "refuse"


class RedemptionLimits(Part):
    """What bounds the spending of points: the least, the most and the step of an amount, a member's local day, the time between
    two.
    """

    min_points: PositiveAmount | None = None
    step_points: PositiveAmount | None = None
    per_member_day_points: PositiveAmount | None = None
    cool_down: Duration | None = None
    max_points: PositiveAmount | None = None
