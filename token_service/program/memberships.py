"""Paid memberships: when a bought period begins and ends, and which memberships a member holds at an instant ("memberships" in
docs/rulesets.md).

A period that is bought while the one before it runs, or within the grace behind it, follows on from it; later it begins when
it is bought. A membership is held from the beginning of a period to its end, and through the grace; one that is refunded ends
there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from token_service.program.durations import add
from token_service.program.earning import Line, points_text
from token_service.program.event_facts import MembershipFacts
from token_service.program.schema import Membership, Ruleset

BOUGHT: Final = "member.membership"
"""The event of a bought period."""
LINE_PREFIX: Final = "membership:"
"""Before a membership's id in a breakdown."""


@dataclass(frozen=True, slots=True)
class Period:
    """A bought period; `keeps_until` is its end with the grace, `ended_at` when it was refunded."""

    membership: str
    starts_at: datetime
    ends_at: datetime
    keeps_until: datetime
    ended_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the membership is held by this period at an instant."""
        return self.starts_at <= at < min(self.keeps_until, self.ended_at or self.keeps_until)


@dataclass(frozen=True, slots=True)
class Held:
    """A membership that is held; `until` is the end of what is paid, behind which only the grace comes."""

    id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """Since when a membership is held without a break, until when it is paid, and the end of the grace behind that."""

    since: datetime
    until: datetime
    keeps_until: datetime


def membership_named(ruleset: Ruleset, membership_id: str) -> Membership | None:
    """The membership of that id, or None."""
    return next((one for one in ruleset.memberships if one.id == membership_id), None)


def bought(
    ruleset: Ruleset, membership: Membership, periods: Iterable[Period], at: datetime, paid: int
) -> MembershipFacts:
    """The period that is bought at an instant, behind those that the member has; cents `paid`."""
    zone = ruleset.program.time_zone
    others = [
        one for one in periods if one.membership == membership.id and one.ended_at is None and one.keeps_until > at
    ]
    starts_at = max((one.ends_at for one in others), default=at)
    ends_at = add(starts_at, membership.period, zone)
    keeps_until = ends_at if membership.grace is None else add(ends_at, membership.grace, zone)
    return MembershipFacts(membership.id, starts_at, ends_at, keeps_until, paid, is_renewal=bool(others))


def bought_period(facts: MembershipFacts) -> Period:
    """The period that was bought."""
    return Period(facts.id, facts.starts_at, facts.ends_at, facts.keeps_until)


def held_at(periods: Iterable[Period], at: datetime) -> tuple[Held, ...]:
    """The memberships held at an instant, by id. What is paid ahead without a gap counts into `until`."""
    periods = list(periods)
    found = {}
    for name in sorted({one.membership for one in periods if one.holds(at)}):
        own = sorted(
            (one for one in periods if one.membership == name and one.ended_at is None), key=lambda one: one.starts_at
        )
        now = [one for one in own if one.holds(at)]
        until = max((one.ends_at for one in now), default=at)
        for one in own:
            until = max(until, one.ends_at) if one.starts_at <= until else until
        found[name] = Held(name, until)
    return tuple(found.values())


def stretch_at(periods: Iterable[Period], membership_id: str, at: datetime) -> Stretch | None:
    """The unbroken run of periods by which the membership is held at an instant; None if it is not."""
    own = sorted(
        (one for one in periods if one.membership == membership_id and one.ended_at is None),
        key=lambda one: one.starts_at,
    )
    found: list[Stretch] = []
    for one in own:
        if found and one.starts_at <= found[-1].keeps_until:
            last = found.pop()
            ends = max(last.until, one.ends_at), max(last.keeps_until, one.keeps_until)
            found.append(Stretch(last.since, *ends))
        else:
            found.append(Stretch(one.starts_at, one.ends_at, one.keeps_until))
    return next((one for one in found if one.since <= at < one.keeps_until), None)


def ids_at(periods: Iterable[Period], at: datetime) -> tuple[str, ...]:
    """Only their ids, sorted: a fact of a purchase."""
    return tuple(sorted({one.membership for one in periods if one.holds(at)}))


def award_line(ruleset: Ruleset, facts: MembershipFacts | None) -> Line | None:
    """What a bought period gives, as a line of a breakdown."""
    membership = None if facts is None else membership_named(ruleset, facts.id)
    if membership is None:
        return None
    points = membership.points or 0
    said = f"{membership.period} of membership"
    return Line(LINE_PREFIX + membership.id, points, f"{points_text(points)} for {said}" if points else said)
