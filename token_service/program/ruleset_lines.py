"""Which published ruleset is in force at an instant: the same answer as the contract's `rulesetAt` (CONTRACT §1).

Rulesets follow one another by their dates; an addendum adds to one of them, so it stands in for its own base alone. An
addendum to rules that are over therefore brings nothing back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

FIRST_EFFECTIVE_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The first ruleset covers everything earlier, imports included (CONTRACT §1)."""


@dataclass(frozen=True, slots=True)
class Published:
    """A ruleset that the chain knows; `base` None unless it is an addendum."""

    hash: str
    effective_at: datetime
    base: str | None = None


def in_force(published: Iterable[Published], at: datetime) -> str | None:
    """The hash of the newest ruleset in force at `at`, with the newest addendum to it; None before the first one."""
    acting = [one for one in published if one.effective_at <= at]
    lines = [one for one in acting if one.base is None]
    if not lines:
        return None
    hash_ = max(lines, key=lambda one: (one.effective_at, one.hash)).hash
    addenda = {one.base: one.hash for one in acting if one.base is not None}
    while hash_ in addenda:  # a base is published before its addendum, so this ends
        hash_ = addenda[hash_]
    return hash_
