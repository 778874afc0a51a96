"""What every step of settlement is given: database, node, signer, clock, limits. Composed by app.py and by tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from token_service.chain.node import Node
from token_service.chain.timed_signer import TimedSigner
from token_service.ledger.context import Context
from token_service.ledger.store import Store
from token_service.ledger.tally import Tally
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.transactions import Transaction

FEE_WEI_MAX: Final = 500 * 10**9
Result = TypeVar("Result")
Failpoint = Callable[[str], None]


def pass_by(name: str) -> None:
    """What a failpoint does unless a test asks for more."""


class Signer(Protocol):
    """Custody's side of signing."""

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        """The raw bytes to send. Raises PolicyRefused."""
        ...

    def sign_bind(self, member: SealedMember, bind: Bind) -> bytes:
        """65 bytes of the member's key over the bind. Raises PolicyRefused."""
        ...


class SealOpening(Protocol):
    """Custody's side of receipt files."""

    def __call__(self, sealed_salt_key: bytes | None, leaf_id: str, detail: bytes) -> bytes | None:
        """The detail sealed for the file; None for an erased member."""
        ...


@dataclass(frozen=True, slots=True)
class SettlementLimits:
    """Sizes and ceilings (DESIGN §5). A batch closes at `batch_entries` or when flushed, and grows up to `batch_entries_max`."""

    batch_entries: int = 200
    batch_entries_max: int = 500
    in_flight_max: int = 4
    max_fee_per_gas: int = FEE_WEI_MAX
    gas_budget_per_day: int | None = None  # wei
    blocks_per_step: int = 64
    push_again_seconds: float = 30.0
    bump_after_seconds: float = 45.0
    stale_after_seconds: float = 180.0


@dataclass(frozen=True, slots=True)
class ChainServices:
    """Everything settlement needs from outside.

    `admin` is the address that holds the administrative roles. `depth` is how many blocks must lie above one that counts as
    final; None means: ask for the node's `finalized` block. `finality_witnesses` is how many endpoints at least must agree on
    that. `failpoint` is called by name around each commit and each network call (settlement/failpoints.py); tests make it
    raise. `monotonic` is a seconds counter for timers that carry no meaning for the ledger. `tally` is where steps count for
    /metrics.
    """

    context: Context
    node: Node
    make_signer: Callable[[str | None], Signer]
    operator: str
    admin: str
    chain_id: int
    contract: str | None
    receipts_dir: Path
    seal_opening: SealOpening
    monotonic: Callable[[], float]
    depth: int | None = None
    finality_witnesses: int = 1
    embedded: bool = False
    limits: SettlementLimits = SettlementLimits()
    failpoint: Failpoint = pass_by
    tally: Tally = field(default_factory=Tally)

    @property
    def store(self) -> Store:
        return self.context.store

    def commit(self, place: str, work: Callable[[Connection], Result]) -> Result:
        """What `work` answers inside one write transaction, with the failpoints `place.before_commit` and `place.after_commit`
        around it. Every commit of settlement goes this way (settlement/failpoints.py)."""
        self.failpoint(f"{place}.before_commit")
        done = self.store.transact(work)
        self.failpoint(f"{place}.after_commit")
        return done

    def now(self) -> datetime:
        return self.context.now()

    def signer(self) -> Signer:
        return TimedSigner(self.make_signer(self.contract), self.tally)

    def at_node(self, node: Node) -> ChainServices:
        """The same services with one endpoint for the node, so that what a step reads belongs together."""
        return replace(self, node=node)

    def at_contract(self, address: str) -> ChainServices:
        """The same services once the contract's address is known."""
        return replace(self, contract=address)
