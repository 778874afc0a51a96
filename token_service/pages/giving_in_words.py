"""What bounds gifts to causes, in words: the rules themselves, and why somebody cannot give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from token_service.pages import formats
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset


def giving_in_words(ruleset: Ruleset) -> Iterator[str]:
    """What the rules say of gifts, each as a sentence; nothing where they say nothing."""
    limits = ruleset.donations
    if limits is None:
        return
    if limits.causes is not None:
        yield gettext("Points can be given to: %(causes)s.", causes=", ".join(limits.causes))
    if limits.point_value is not None:
        value = limits.point_value
        yield ngettext(
            "%(points)s point given is worth %(amount)s.",
            "%(points)s points given are worth %(amount)s.",
            value.points,
            points=formats.number(value.points),
            amount=formats.round_money(value.amount, ruleset.program.currency),
        )
    if limits.min_points is not None:
        yield _least(limits.min_points)
    if limits.step_points is not None:
        yield _steps(limits.step_points)
    if limits.per_member_day_points is not None:
        most = formats.number(limits.per_member_day_points)
        yield gettext("A member gives at most %(points)s points a day.", points=most)
    if limits.per_member_points is not None:
        yield gettext(
            "A member gives at most %(points)s points in all.", points=formats.number(limits.per_member_points)
        )


def not_given_in_words(facts: Mapping[str, Any]) -> str | None:
    """Why points cannot be given, from a refusal's facts; None where it is not for a rule on gifts."""
    reason, limit, left = facts.get("reason"), facts.get("limit"), facts.get("remaining", 0)
    if facts.get("key", "").partition(".")[0] != "donations":
        return gettext("Nobody can give to it at the moment.") if reason == "cause_closed" else None
    if reason == "other_cause":
        return gettext("Points can be given to: %(causes)s.", causes=limit)
    if reason == "too_few":
        return _least(int(limit or 0))
    if reason == "no_step":
        return _steps(int(limit or 0))
    said = {"points": formats.number(int(limit or 0)), "left": formats.number(int(left))}
    if reason == "day_given":
        return gettext("A member gives at most %(points)s points a day; %(left)s are left of today.", **said)
    return gettext("A member gives at most %(points)s points in all; %(left)s are left.", **said)


def _least(points: int) -> str:
    return ngettext(
        "At least %(points)s point is given at once.",
        "At least %(points)s points are given at once.",
        points,
        points=formats.number(points),
    )


def _steps(points: int) -> str:
    return gettext("Points are given in steps of %(points)s.", points=formats.number(points))
