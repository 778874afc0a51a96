"""Rewards as they stand for a member (views.py says how to read them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RewardStanding:
    """A reward for one member, now. `refusal` says why it is closed to them (`reason`, and what it needs); empty: only points may
    be missing. `pieces_left` None: no end of them.
    """

    id: str
    kind: str
    points: int
    missing_points: int
    allowed: bool
    pieces_left: int | None
    refusal: Mapping[str, object] = field(default_factory=dict)
