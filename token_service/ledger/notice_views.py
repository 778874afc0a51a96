"""A notice as it is answered (views.py says how to read them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.point_views import ExpiringPoints


@dataclass(frozen=True, slots=True)
class NoticeBalance:
    """What the member has when a notice is read, for the mail that is written then. `next_expiry`: the first points to go."""

    available: int
    pending: int
    next_expiry: ExpiringPoints | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a member was told, once: `key` never comes again, also where a restored ledger tells it anew. `external_id` is the
    member's name with whoever asks; `data` depends on the kind. The rules of `ruleset` were in force. `balance` is of now.
    """

    id: str
    key: str
    created_at: datetime
    kind: str
    member_id: str
    external_id: str | None
    data: Mapping[str, object]
    ruleset: str
    balance: NoticeBalance


@dataclass(frozen=True, slots=True)
class MemberNotices:
    """A member's newest notices, and which of them they have not seen."""

    page: tuple[Notice, ...]
    unseen: frozenset[str]
    next_cursor: str | None
