"""What use cases answer about members' own wallets (views.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Mandate:
    """An order that a member's own wallet signs: to leave, to come back, to spend.

    `document` is what `signing_address` signs (EIP-712, `eth_signTypedData_v4`). `because` says why it failed.
    """

    id: str
    created_at: datetime
    kind: str  # leave, return, redemption
    state: str  # unsigned, waiting, sent, final, failed, cancelled
    member_id: str
    merchant_id: str | None
    merchant_name: str | None
    reference: str | None
    points: int | None
    reward_id: str | None
    from_address: str
    to_address: str | None
    signing_address: str
    deadline: datetime
    points_may_expire_at: datetime | None
    document: Mapping[str, Any]
    because: str | None
    key_ready_at: datetime | None  # for a leave with the key that we keep: when it may be taken …
    key_taken_at: datetime | None  # … and when it was
