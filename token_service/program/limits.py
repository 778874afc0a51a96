"""Limits of the ruleset that callers meet outside a purchase; a purchase's own are lines of its breakdown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from token_service.errors import LimitExceeded
from token_service.program.action_schema import PerMember
from token_service.program.campaign_limits import times_used
from token_service.program.schema import Ruleset
from token_service.program.tiers import Qualification


def check_manual_issuance(ruleset: Ruleset, points: int) -> None:
    """Raises LimitExceeded when one issuance by hand asks for more than `manual_issuance_points`; no limit means any amount."""
    limit = ruleset.limits.manual_issuance_points
    if limit is not None and points > limit:
        key = "limits.manual_issuance_points"
        raise LimitExceeded("The programme limits issuances by hand.", key=key, limit=limit, remaining=limit)


def needs_approval(ruleset: Ruleset, points: int) -> bool:
    """Whether an adjustment of so many points, up or down, needs a second person."""
    limit = ruleset.limits.adjustment_points
    return limit is not None and abs(points) > limit


def recent_orders(ruleset: Ruleset, history: Iterable[Qualification], at: datetime) -> int | None:
    """How many of the member's purchases lie within `velocity.every` of an instant, without those given back whole; None under
    rules without that limit.
    """
    velocity = ruleset.limits.velocity
    if velocity is None:
        return None
    stretch = PerMember(times=velocity.purchases, every=velocity.every)
    return times_used(stretch, (one.at for one in history if one.orders), at, ruleset.program.time_zone)
