"""Contradictions inside a ruleset's section on donations, each with its place (those of rewards that give: reward_check.py)."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.errors import Place
from token_service.program.schema import Ruleset


def donation_mistakes(ruleset: Ruleset) -> Iterator[Place]:
    """Everything in it that contradicts itself."""
    limits = ruleset.donations
    if limits is None:
        return
    if not limits.model_fields_set:
        yield Place(
            "/donations",
            "must have min_points, step_points, per_member_day_points, per_member_points, causes or point_value",
        )
    least, step = limits.min_points, limits.step_points
    if least is not None and step is not None and least % step:
        yield Place("/donations/min_points", "must be a multiple of step_points, or nobody can give it")
    day, most = limits.per_member_day_points, limits.per_member_points
    for key, figure in (("per_member_day_points", day), ("per_member_points", most)):
        if figure is not None and max(least or 0, step or 0) > figure:
            yield Place(
                f"/donations/{key}", "must not be less than min_points or step_points, or nobody gives anything"
            )
    if day is not None and most is not None and day > most:
        yield Place("/donations/per_member_day_points", "must not exceed per_member_points, which would always cut it")
    if limits.causes is not None and len(set(limits.causes)) != len(limits.causes):
        yield Place("/donations/causes", "must name each cause once")
