"""The people of a member as they are answered (views.py says how to read them)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in to a member with an address of their own."""

    id: str
    member_id: str
    email: str
    name: str | None
    since: datetime
