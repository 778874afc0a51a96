"""A batch that the chain has and the ledger has not, and its leaves as far as they can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from token_service.protocol.receipt_files import BatchReceipts
from token_service.protocol.words import EntryWord

FILE_LOST: Final = "file_lost"
MEMBER: Final = "member"
ERASED: Final = "erased"
SEALED: Final = "sealed"
MERCHANT: Final = "merchant"
RULES: Final = "rules"
ORIGIN: Final = "origin"
UNKNOWN: Final = "unknown"
REASONS: Final[Mapping[str, str]] = {
    FILE_LOST: "the batch's receipt file is missing or another batch's",
    MEMBER: "the member was enrolled after the backup",
    ERASED: "the member's data were erased",
    SEALED: "its opening is missing, or sealed with other keys",
    MERCHANT: "its merchant was added after the backup",
    RULES: "its ruleset is not in the ledger",
    ORIGIN: "what it takes back could not be opened",
    UNKNOWN: "its detail says what this version cannot read",
}
"""Why a leaf does not open, in words."""


@dataclass(frozen=True, slots=True)
class GapBatch:
    """All that the chain says of one batch, with its receipt file if there is the right one.

    `words` are as sent, `skipped` has the contract's reason by index. `fee_gwei` is what its gas cost, None where the node does
    not tell. Everything is final.
    """

    operator: str
    seq: int
    ruleset_hash: str
    receipts_root: str
    minted: int
    burned: int
    block_number: int
    block_hash: str
    block_time: datetime
    transaction_hash: str
    nonce: int
    to: str
    data: bytes
    gas: int
    gas_used: int
    fee_gwei: int | None
    words: tuple[EntryWord, ...]
    skipped: Mapping[int, int]
    receipts: BatchReceipts | None


@dataclass(frozen=True, slots=True)
class Place:
    """What the chain says of one leaf: its position in the batch and the word there (a fact has no word on the chain, its account
    stands in the receipt file). `commitment` and `id` are the file's."""

    position: int
    account: str
    kind: int
    party: int
    amount: int
    skip_reason: int | None
    commitment: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class KnownLeaf:
    """The ledger has it already, accepted before the backup, or skipped in an earlier batch and planned again."""

    place: Place
    id: str


@dataclass(frozen=True, slots=True)
class OpenedLeaf:
    """Its detail is what was committed to. `text` is the detail as it was, `document` the same read."""

    place: Place
    id: str
    member_id: str
    text: str
    document: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The detail's word for it."""
        return str(self.document["kind"])

    @property
    def number(self) -> int:
        """Its number among its account's leaves."""
        return int(self.document["number"])

    @property
    def occurred_at(self) -> datetime:
        return datetime.fromisoformat(self.document["occurred_at"])

    @property
    def recorded_at(self) -> datetime:
        return datetime.fromisoformat(self.document["recorded_at"])


@dataclass(frozen=True, slots=True)
class ClosedLeaf:
    """Nobody can read its detail; `reason` is a key of REASONS. `member_id` is None for an account that nobody has here."""

    place: Place
    reason: str
    member_id: str | None


JudgedLeaf = KnownLeaf | OpenedLeaf | ClosedLeaf
