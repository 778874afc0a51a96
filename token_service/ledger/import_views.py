"""An import as it is answered (views.py says how to read it), and what a part of its file did or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from token_service.errors import CallerError


@dataclass(frozen=True, slots=True)
class Import:
    """A file of members with their balances. `alone`: whoever proposed it may bring it in without a second person."""

    id: str
    created_at: datetime
    file_hash: str
    source: str
    merchant_id: str
    welcomes: bool
    members: int
    points: int
    proposed_by: str
    state: str
    decided_by: str | None
    decided_at: datetime | None


@dataclass(slots=True)
class Brought:
    """Members and points that are new, or were there already; `refused` by the file's line."""

    members: int = 0
    points: int = 0
    members_before: int = 0
    points_before: int = 0
    refused: list[tuple[int, CallerError]] = field(default_factory=list)

    def add(self, other: Brought) -> None:
        """Counts another part of the file."""
        self.members += other.members
        self.points += other.points
        self.members_before += other.members_before
        self.points_before += other.points_before
        self.refused.extend(other.refused)
