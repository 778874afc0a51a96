"""What everybody together may earn in one local day: of a store, of a merchant, of the programme (docs/rulesets.md "Limits").

What a cap had left just before is a fact, as with the budgets of campaigns; so a decision stays a function of facts. What the
programme gives on its own account (a welcome, a challenge) counts with the programme's day, not with a merchant's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

from token_service.program.event_facts import OWN_PREFIX, EventFacts
from token_service.program.facts import CapFacts, PurchaseFacts
from token_service.program.schema import Ruleset

STORE_DAY: Final = "per_store_day_points"
MERCHANT_DAY: Final = "per_merchant_day_points"
PROGRAM_DAY: Final = "program_day_points"
CAPS: Final = (STORE_DAY, MERCHANT_DAY, PROGRAM_DAY)
_WHERE: Final = {STORE_DAY: "in a store", MERCHANT_DAY: "with a merchant", PROGRAM_DAY: "in the programme"}

Happened = TypeVar("Happened", PurchaseFacts, EventFacts)


class Budget(NamedTuple):
    """Points that may be given in all, and the name under which what was given of them is counted."""

    id: str
    points: int


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit of the ruleset on one day, with the budget that it makes."""

    limit: str
    budget: Budget


def caps_on(ruleset: Ruleset, facts: PurchaseFacts | EventFacts) -> tuple[Cap, ...]:
    """The caps that a purchase or an event comes under."""
    most = {name: getattr(ruleset.limits, name) for name in CAPS}
    is_own = isinstance(facts, EventFacts) and facts.event.startswith(OWN_PREFIX)
    whose = {
        STORE_DAY: facts.store if isinstance(facts, PurchaseFacts) else None,
        MERCHANT_DAY: None if is_own else facts.merchant,
        PROGRAM_DAY: "program",
    }
    day = facts.local.date.replace("-", "")
    return tuple(
        Cap(name, Budget(f"{day}/{who}", points))
        for name, who in whose.items()
        if who is not None and (points := most[name]) is not None
    )


def with_caps(ruleset: Ruleset, facts: Happened, left: Callable[[Budget], int]) -> Happened:
    """The facts with what each cap has left."""
    caps = caps_on(ruleset, facts)
    if not caps and not facts.caps:
        return facts
    return replace(facts, caps=tuple(CapFacts(cap.limit, left(cap.budget)) for cap in caps))


def cap_rooms(ruleset: Ruleset, facts: PurchaseFacts | EventFacts) -> list[tuple[str, int | None, str]]:
    """(rule of the line, points left, why) of each cap; all of it where the facts don't say what is left."""
    told = {one.limit: one.left for one in facts.caps}
    rooms: list[tuple[str, int | None, str]] = []
    for cap in caps_on(ruleset, facts):
        left = min(told.get(cap.limit, cap.budget.points), cap.budget.points)
        why = f"at most {cap.budget.points} points a day {_WHERE[cap.limit]}, {left} of them left"
        rooms.append((f"limit:{cap.limit}", left, why))
    return rooms


def caps_used(facts: PurchaseFacts | EventFacts, points: int) -> dict[str, int]:
    """What an award of so many points takes of each cap that the facts name, by the name under which it is counted."""
    if not points:
        return {}
    day = facts.local.date.replace("-", "")
    store = facts.store if isinstance(facts, PurchaseFacts) else None
    whose = {STORE_DAY: store, MERCHANT_DAY: facts.merchant, PROGRAM_DAY: "program"}
    return {f"{day}/{whose[one.limit]}": points for one in facts.caps}
