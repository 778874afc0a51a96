"""A programme's keys and transactions for the tests of custody; no chain and no database."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from token_service.custody.key_ring import KeyRing, create_keys
from token_service.custody.policy import SignerPolicy, program_policy
from token_service.custody.signer import LocalSigner
from token_service.custody.signing_record import Limits, SigningRecord
from token_service.protocol.calldata import encode_call, encode_settle
from token_service.protocol.transactions import Transaction
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

CONTRACT = "0x" + "5a" * 20
MEMBER = "0x" + "11" * 20
CHAIN_ID = 77


@dataclass
class Clock:
    """Stands still until it is told."""

    time: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    seconds: itertools.count[int] = field(default_factory=itertools.count)

    def __call__(self) -> datetime:
        return self.time

    def next_day(self) -> None:
        self.time += timedelta(days=1)


@dataclass
class Custody:
    """A key folder, a record beside it, and who signs with both."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=Clock)
    passphrase: bytes | None = None

    def __post_init__(self) -> None:
        self.ring: KeyRing = create_keys(self.folder / "keys", self.passphrase)

    def signer(self) -> LocalSigner:
        """A fresh one, as after a restart."""
        return LocalSigner(self.ring.vault(), self.policy, self.record())

    def record(self) -> SigningRecord:
        return SigningRecord(self.folder / "signer", self.limits, self.clock, lambda: float(next(self.clock.seconds)))

    def policy(self) -> SignerPolicy:
        return program_policy(
            chain_id=CHAIN_ID,
            contract=CONTRACT,
            operators=self.ring.operator_addresses(),
            admin=self.ring.admin_address,
        )

    def lines(self) -> list[str]:
        return [line for path in sorted((self.folder / "signer").iterdir()) for line in path.read_text().splitlines()]


def settle(
    seq: int, points: int, *, kind: EntryKind = EntryKind.ISSUANCE, nonce: int = 0, fee: int = 10
) -> Transaction:
    """A batch of one entry."""
    data = encode_settle(seq, "0x" + "22" * 32, "0x" + "33" * 32, [EntryWord(MEMBER, kind, 1, points)])
    return transaction(data, nonce=nonce, fee=fee)


def pause() -> Transaction:
    return transaction(encode_call("pause"))


def transaction(data: bytes, *, nonce: int = 0, fee: int = 10) -> Transaction:
    return Transaction(CHAIN_ID, nonce, 1, fee, 100_000, CONTRACT, 0, data)
