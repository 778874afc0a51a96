"""The owner's side of the embedded chain: the only code that adds blocks (DESIGN §5 "Embedded default").

Whoever makes one holds the ChainLock. Blocks are stamped `max(parent + 1, clock)` before their first transaction, since
the contract's notice periods, windows and deadlines read that stamp.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import rlp
from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI
from eth.exceptions import VMError
from eth.vm.forks.prague import PragueVM
from eth_hash.auto import keccak
from eth_utils.exceptions import ValidationError

from token_service.chain.embedded.machine import has_genesis, open_chain, write_genesis
from token_service.chain.embedded.store import BlockStore, BlockWrites, LogRow
from token_service.chain.embedded.view import ChainView
from token_service.errors import CallerError
from token_service.units import Wei

TOPICS_MAX: Final = 4
WORD_BYTES: Final = 32
TRANSACTION_TYPES: Final = frozenset({0, 1, 2})
"""Legacy, with access list, with tip. Blobs and code delegation have no use here."""


class BadTransaction(CallerError):
    """A transaction that no block can take; nothing was changed. `position` is its place among those given."""

    code = "bad_transaction"
    title = "The chain refuses this transaction"

    def __init__(self, detail: str, *, position: int = 0) -> None:
        super().__init__(detail, position=position)
        self.position = position


@dataclass(frozen=True)
class Mined:
    """A block that is on disk, with the receipts of its transactions in order."""

    block: BlockAPI
    receipts: tuple[ReceiptAPI, ...]

    @property
    def number(self) -> int:
        return int(self.block.number)


class EmbeddedChain:
    """The chain in `path`, opened for mining. Several threads may use it; each call takes its lock.

    `clock` gives whole seconds since 1970. `is_instant` lifts the pace of one block a second, for benchmarks and for
    clocks that stand still. Raises NotInitialised when there is no chain in `path` (see `create`).
    """

    def __init__(self, path: Path, *, clock: Callable[[], int], is_instant: bool = False) -> None:
        self.path = path
        self._is_instant = is_instant
        self._clock = clock
        self._lock = threading.RLock()
        self._store = BlockStore.for_owner(path)
        try:
            self._chain = open_chain(self._store)
        except BaseException:
            self._store.close()
            raise
        self._mined_at = int(self._chain.get_canonical_head().timestamp)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        chain_id: int,
        funded: Mapping[bytes, Wei],
        clock: Callable[[], int],
        is_instant: bool = False,
    ) -> EmbeddedChain:
        """The chain in `path`, with a new genesis when there is none; one that is there keeps its own id and funds."""
        store = BlockStore.for_owner(path)
        try:
            if not has_genesis(store):
                write_genesis(store, chain_id=chain_id, funded=funded, timestamp=clock())
        finally:
            store.close()
        return cls(path, clock=clock, is_instant=is_instant)

    @property
    def chain_id(self) -> int:
        return int(self._chain.chain_id)

    @property
    def is_due(self) -> bool:
        """Whether the pace allows another block: at most one each second of the clock, so that stamps don't run ahead.

        A clock that was set back is no reason to stop: stamps then rise by one until it has caught up.
        """
        return self._is_instant or self._clock() != self._mined_at

    @contextmanager
    def view(self) -> Iterator[ChainView]:
        """Reads at the head; no block is mined while inside."""
        with self._lock:
            yield ChainView(self._chain, self._store)

    snapshot = view
    """The owner's view can stand where an EmbeddedReader is asked for."""

    def mine(self, raws: Sequence[bytes] = ()) -> Mined:
        """One block with these signed transactions in this order, on disk when this returns; none: an empty block.

        Raises BadTransaction when one cannot be in the block: then nothing has changed, the others included.
        """
        with self._lock:
            transactions = [
                decode_transaction(raw, chain_id=self.chain_id, position=position) for position, raw in enumerate(raws)
            ]
            parent = self._chain.get_canonical_head()
            now = self._clock()
            stamp = max(parent.timestamp + 1, now)
            header = self._chain.create_header_from_parent(parent, timestamp=stamp)
            try:
                with self._store.block() as writes:
                    mined = self._apply(header, transactions)
                    _index(mined, writes)
            except BaseException:
                self._chain = open_chain(self._store)  # what the machine kept in memory of a block that is not there
                raise
            self._mined_at = now
            return mined

    def _apply(self, header: BlockHeaderAPI, transactions: Sequence[SignedTransactionAPI]) -> Mined:
        machine = self._chain.get_vm(header)
        receipts = []
        for position, transaction in enumerate(transactions):
            try:
                receipt, _ = machine.apply_transaction(header, transaction)
            except (ValidationError, VMError) as error:
                raise BadTransaction(str(error), position=position) from error
            except RecursionError as error:
                raise BadTransaction("Its contract calls are nested too deeply.", position=position) from error
            header = machine.add_receipt_to_header(header, receipt)
            header = machine.increment_blob_gas_used(header, transaction)
            receipts.append(receipt)
        filled = machine.set_block_transactions_and_withdrawals(machine.get_block(), header, transactions, receipts)
        # No randomness in a chain with one owner: PREVRANDAO is a hash that anybody can recompute.
        block = machine.mine_block(filled, mix_hash=keccak(header.parent_hash)).block
        self._chain.persist_block(block)
        return Mined(block, tuple(receipts))

    def close(self) -> None:
        with self._lock:
            self._store.close()


def decode_transaction(raw: bytes, *, chain_id: int, position: int = 0) -> SignedTransactionAPI:
    """The signed transaction in these bytes. Raises BadTransaction for anything but type 0, 1 or 2 of this chain."""
    try:
        transaction = PragueVM.get_transaction_builder().decode(raw)
    except (rlp.exceptions.RLPException, ValidationError, VMError, ValueError, TypeError, IndexError) as error:
        raise BadTransaction("These bytes are not a signed transaction.", position=position) from error
    if (transaction.type_id or 0) not in TRANSACTION_TYPES:
        raise BadTransaction("The embedded chain takes transactions of type 0, 1 and 2 only.", position=position)
    if transaction.chain_id != chain_id:
        raise BadTransaction("The transaction is signed for another chain id.", position=position)
    return transaction


def _index(mined: Mined, writes: BlockWrites) -> None:
    """Rows for the transaction and log tables, written in the block's own database transaction."""
    number = mined.number
    for place, (transaction, receipt) in enumerate(zip(mined.block.transactions, mined.receipts, strict=True)):
        writes.transactions.append((number, place, transaction.hash))
        for log in receipt.logs:
            words = [topic.to_bytes(WORD_BYTES, "big") for topic in log.topics]
            padded: list[bytes | None] = [*words, *[None] * (TOPICS_MAX - len(words))]
            row: LogRow = (number, len(writes.logs), place, log.address, *padded, log.data)
            writes.logs.append(row)
