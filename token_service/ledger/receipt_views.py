"""Batches, leaves and receipts, as they are answered (CONTRACT §2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LeafView:
    """A leaf as the public sees it (CONTRACT §2); `outcome`: applied, skipped, or None while not final."""

    id: str
    index: int
    account: str
    kind: int
    party: int
    amount: int
    commitment: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class BatchView:
    operator: str
    seq: int
    ruleset: str
    receipts_root: str
    word_count: int
    leaf_count: int
    state: str
    created_at: datetime
    block_number: int | None
    transaction_hash: str | None
    gas_used: int | None
    minted: int | None
    burned: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """All that proves one entry: the leaf, the leaves of its batch in order, and the opening (salt and detail).

    The proof is computed by the caller with protocol.merkle from `leaves`. `salt` and `detail` are None once erased.
    """

    entry_id: str
    chain_id: int
    contract: str
    operator: str
    seq: int
    index: int
    receipts_root: str
    leaf: LeafView
    leaves: tuple[LeafView, ...]
    salt: str | None
    detail: str | None
    outcome: str | None
    transaction_hash: str | None
    block_number: int | None
