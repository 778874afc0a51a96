"""A hold as it is answered (views.py says how to read it)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Points set aside: `open` until `expires_at`, or `captured` (some of them, by `redemption_id`), `released` or `expired`."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    points: int
    captured: int
    state: str
    expires_at: datetime
    redemption_id: str | None
    ruleset: str
