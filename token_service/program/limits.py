"""Limits of the ruleset that callers meet outside a purchase; a purchase's own are lines of its breakdown (earning.py)."""

from __future__ import annotations

from token_service.errors import LimitExceeded
from token_service.program.schema import Ruleset


def check_manual_issuance(ruleset: Ruleset, points: int) -> None:
    """Raises LimitExceeded when one issuance by hand asks for more than `manual_issuance_points`; no limit means any amount."""
    limit = ruleset.limits.manual_issuance_points
    if limit is not None and points > limit:
        raise LimitExceeded("The programme limits issuances by hand.", limit=limit, remaining=limit)


def needs_approval(ruleset: Ruleset, points: int) -> bool:
    """Whether an adjustment of so many points, up or down, needs a second person."""
    limit = ruleset.limits.adjustment_points
    return limit is not None and abs(points) > limit
