"""A proposal as it is answered (views.py says how to read it)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """An adjustment that waits for a second person (`open`), or what became of it."""

    id: str
    created_at: datetime
    reference: str
    member_id: str
    member_name: str | None
    merchant_id: str | None
    points: int
    reason: str
    proposed_by: str
    state: str
    decided_by: str | None
    decided_at: datetime | None
    adjustment_id: str | None
