"""What the signer is asked for when a member leaves: their sealed key, and what it signs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SealedMember:
    """A member's address and the sealed box of its key, as they lie in the ledger."""

    address: str
    sealed_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bind:
    """The one thing a member's custodial key signs: its points go to `to_address`, the member's own (CONTRACT, Self-custody)."""

    to_address: str
    expires_at: int
    nonce: int
    deadline: int
