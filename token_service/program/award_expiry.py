"""How the points of one award are told apart by when they expire (docs/rulesets.md "Points with an expiry of their own").

Each line of a breakdown gives points with its own rule's expiry, or the programme's. What takes points away again, a limit or a
refund inside the return window, takes those first that expire first, as a refund does later from their lots; only a budget takes
from what its own rule gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from token_service.program.campaign_limits import LIMIT_PREFIX
from token_service.program.challenges import LINE_PREFIX as CHALLENGE_PREFIX
from token_service.program.earning import Line
from token_service.program.events import RULE_LIMIT_PREFIX
from token_service.program.expiry import end_of, expires_at
from token_service.program.expiry_schema import AwardExpiry, RuleExpiry
from token_service.program.memberships import LINE_PREFIX as MEMBERSHIP_PREFIX
from token_service.program.schema import Ruleset

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DatedPoints:
    """Points of an award that expire together. `keeps_date`: by an expiry of their own, so no activity moves it."""

    points: int
    expires_at: datetime | None
    keeps_date: bool = False


def own_expiries(ruleset: Ruleset, *, of_purchases: bool) -> Mapping[str, AwardExpiry | RuleExpiry]:
    """The expiries of awards by the name of their lines: of campaigns, which purchases have, or of all that events have. What a
    membership multiplies of a purchase has the programme's, so its own is for its periods alone.
    """
    if of_purchases:
        found = {one.id: getattr(one.award, "expiry", None) for one in ruleset.campaigns}
    else:
        found = {one.id: getattr(one, "expiry", None) for one in (*ruleset.earning, *ruleset.schedules)}
        found |= {CHALLENGE_PREFIX + one.id: one.award.expiry for one in ruleset.challenges}
        found |= {MEMBERSHIP_PREFIX + one.id: one.expiry for one in ruleset.memberships}
    return {name: expiry for name, expiry in found.items() if expiry is not None}


def dated_points(
    ruleset: Ruleset,
    breakdown: Iterable[Line],
    points: int,
    *,
    of_purchase: bool,
    occurred_at: datetime,
    last_activity: datetime | None,
) -> tuple[DatedPoints, ...]:
    """The `points` that are left of an award, by when they expire: the earliest first, and never one without points.

    Without an expiry of its own in the rules, all of an award is one part.
    """
    normal = DatedPoints(0, expires_at(ruleset, occurred_at, last_activity))
    own = own_expiries(ruleset, of_purchases=of_purchase)
    if not own:
        return (DatedPoints(points, normal.expires_at),) if points else ()
    zone = ruleset.program.time_zone
    kinds = {name: DatedPoints(0, end_of(expiry, zone, occurred_at), keeps_date=True) for name, expiry in own.items()}
    given: dict[DatedPoints, int] = {}
    for line in breakdown:
        rule = _rule_of(line)
        if line.points > 0 or rule != line.rule:
            kind = kinds.get(rule, normal)
            given[kind] = given.get(kind, 0) + line.points
    too_many, parts = sum(given.values()) - points, []
    for kind in sorted(given, key=lambda one: (one.expires_at or _NEVER, one.keeps_date)):
        left = given[kind] - max(0, min(too_many, given[kind]))
        too_many -= given[kind] - left
        if left:
            parts.append(DatedPoints(left, kind.expires_at, kind.keeps_date))
    return tuple(parts)


def lines_of_part(
    ruleset: Ruleset,
    breakdown: Sequence[Line],
    points: int,
    *,
    of_purchase: bool,
    occurred_at: datetime,
    expires_at: datetime | None,
    keeps_date: bool,
) -> list[Line]:
    """The lines of an award that tell of one part of it, of so many points and that date; what cuts the whole award among them if
    the part has less than they give.
    """
    own, zone = own_expiries(ruleset, of_purchases=of_purchase), ruleset.program.time_zone
    if not own:
        return list(breakdown)
    mine, cuts = [], []
    for line in breakdown:
        rule = _rule_of(line)
        if line.points < 0 and rule == line.rule:
            cuts.append(line)
        elif (rule in own) == keeps_date and (not keeps_date or end_of(own[rule], zone, occurred_at) == expires_at):
            mine.append(line)
    return mine + cuts if sum(line.points for line in mine) > points else mine


def _rule_of(line: Line) -> str:
    """The rule that a line tells of, also where it says what a budget takes away."""
    return line.rule.removeprefix(LIMIT_PREFIX).removeprefix(RULE_LIMIT_PREFIX)
