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


@dataclass(frozen=True, slots=True)
class DataChange:
    """These fields of a member's own data were changed, by whom the ledger calls so."""

    fields: tuple[str, ...]
    done_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserChange:
    """Somebody was "added" or "removed". `done_by`: the address of one of the company if `is_by_user`, else what the ledger calls
    whoever did it.
    """

    change: str
    email: str
    name: str | None
    done_by: str
    is_by_user: bool
    created_at: datetime
