"""What is brought in from an earlier programme, as the ledger is asked (inputs.py says how to read it)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_service.ledger.inputs import NewMember


@dataclass(frozen=True, slots=True)
class NewImport:
    """A whole file, known by the SHA-256 (hex) of its bytes. `source` is what the earlier programme was called."""

    file_hash: str
    source: str
    merchant_id: str
    members: int
    points: int
    welcomes: bool = False


@dataclass(frozen=True, slots=True)
class OpeningLot:
    """Points that a member brings. `expires_at` None: the date that the rules give. `line` is its place in the file."""

    line: int
    reference: str
    points: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpeningAccount:
    """A member with what they bring, perhaps nothing."""

    line: int
    member: NewMember
    lots: tuple[OpeningLot, ...]
