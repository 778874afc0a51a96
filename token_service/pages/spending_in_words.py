"""What bounds the use of points, in words: the rules themselves, and why somebody has to wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from token_service.pages import formats
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset


def bounds_in_words(ruleset: Ruleset) -> Iterator[str]:
    """Each limit on spending as a sentence."""
    limits = ruleset.redemption
    if limits is None:
        return
    if limits.min_points is not None:
        yield _least(limits.min_points)
    if limits.max_points is not None:
        yield _most(limits.max_points)
    if limits.step_points is not None:
        yield gettext("Points are used in steps of %(points)s.", points=formats.number(limits.step_points))
    if limits.per_member_day_points is not None:
        most = formats.number(limits.per_member_day_points)
        yield gettext("A member uses at most %(points)s points a day.", points=most)
    if limits.cool_down is not None:
        yield gettext("Between two uses of points lies at least %(period)s.", period=formats.lasting(limits.cool_down))


def bound_in_words(facts: Mapping[str, Any], rules: Ruleset) -> str | None:
    """Why points cannot be used, from a refusal's facts; None where it is not for a limit on spending."""
    reason, limit, zone = facts.get("reason"), facts.get("limit"), rules.program.time_zone
    if reason == "too_few":
        return _least(int(limit or 0))
    if reason == "too_many":
        return _most(int(limit or 0))
    if reason == "no_step":
        return gettext("Points are used in steps of %(points)s.", points=formats.number(int(limit or 0)))
    if reason == "day_spent":
        return gettext(
            "A member uses at most %(points)s points a day; %(left)s are left of today.",
            points=formats.number(int(limit or 0)),
            left=formats.number(int(facts.get("remaining", 0))),
        )
    if reason == "too_soon":
        at = datetime.fromisoformat(facts["possible_at"])
        day, time = formats.day(at, zone), formats.clock(at, zone)
        return gettext(
            "Points were used just before. They can be used again on %(day)s at %(time)s.", day=day, time=time
        )
    return None


def _least(points: int) -> str:
    return ngettext(
        "At least %(points)s point is used at once.",
        "At least %(points)s points are used at once.",
        points,
        points=formats.number(points),
    )


def _most(points: int) -> str:
    return ngettext(
        "At most %(points)s point is used at once.",
        "At most %(points)s points are used at once.",
        points,
        points=formats.number(points),
    )
