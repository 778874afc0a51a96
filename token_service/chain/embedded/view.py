"""What can be read of the embedded chain: blocks, transactions, receipts, logs, accounts. The owner's and the readers'.

Works on bytes and numbers; JSON-RPC's shapes are the façade's (chain/rpc_facade). Only canonical blocks exist here: one
owner mines one chain, so latest = safe = finalized.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth.vm.forks.prague import PragueVM

from token_service.chain.embedded.machine import PragueChain
from token_service.chain.embedded.store import BlockStore, LogRow
from token_service.errors import MereauError

SQL_STEPS_MAX: Final = 50_000_000
"""SQLite's virtual machine steps that one search for logs may take: under two seconds, some five million rows."""
SQL_STEPS_PER_CHECK: Final = 1_000_000


class SearchTooLong(MereauError):
    """A search for logs would read too much of the file; nothing was answered."""

    code = "search_too_long"
    title = "The search reads too many logs"


@dataclass(frozen=True)
class LogFilter:
    """Which logs: an inclusive range of blocks, any of `addresses` (none: all), and for each position any of its topics
    (an empty tuple: all)."""

    first: int
    last: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[tuple[bytes, ...], ...] = ()


@dataclass(frozen=True)
class TransactionPlace:
    """A mined transaction: its block's header, its position there, and itself."""

    header: BlockHeaderAPI
    position: int
    transaction: SignedTransactionAPI


class ChainView:
    """Reads of one chain. Consistent only while its store's snapshot (or its owner's lock) is held."""

    def __init__(self, chain: PragueChain, store: BlockStore) -> None:
        self.chain = chain
        self.store = store
        self._hashes: dict[int, bytes] = {}

    @property
    def chain_id(self) -> int:
        return int(self.chain.chain_id)

    def head(self) -> BlockHeaderAPI:
        return self.chain.get_canonical_head()

    def header(self, number: int) -> BlockHeaderAPI | None:
        try:
            return self.chain.get_canonical_block_header_by_number(number)
        except HeaderNotFound:
            return None

    def header_by_hash(self, block_hash: bytes) -> BlockHeaderAPI | None:
        try:
            return self.chain.get_block_header_by_hash(block_hash)
        except HeaderNotFound:
            return None

    def block_hash(self, number: int) -> bytes:
        """The hash of a block that exists."""
        if number not in self._hashes:
            self._hashes[number] = self.chain.get_canonical_block_hash(number)
        return self._hashes[number]

    def block(self, header: BlockHeaderAPI) -> BlockAPI:
        return self.chain.get_block_by_header(header)

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """The accounts as they are after this block."""
        return self.chain.get_vm(header).state

    def transaction(self, transaction_hash: bytes) -> TransactionPlace | None:
        try:
            number, position = self.chain.get_canonical_transaction_index(transaction_hash)
        except TransactionNotFound:
            return None
        header = self.chain.get_canonical_block_header_by_number(number)
        return TransactionPlace(header, position, self.chain.get_canonical_transaction_by_index(number, position))

    def transaction_hash(self, number: int, position: int) -> bytes:
        """From the transaction table, without decoding anything. The transaction exists."""
        query = "select hash from transactions where block = ? and position = ?"
        found: bytes = self.store.connection.execute(query, (number, position)).fetchone()[0]
        return found

    def receipt(self, number: int, position: int) -> ReceiptAPI:
        return self.chain.get_transaction_receipt_by_index(number, position)

    def receipts(self, header: BlockHeaderAPI) -> tuple[ReceiptAPI, ...]:
        return tuple(self.chain.chaindb.get_receipts(header, PragueVM.get_receipt_builder()))

    def transaction_logs(self, number: int, position: int) -> list[LogRow]:
        query = "select * from logs where block = ? and transaction_position = ? order by position"
        return self.store.connection.execute(query, (number, position)).fetchall()

    def logs(self, wanted: LogFilter, *, count_max: int) -> list[LogRow]:
        """In (block, position) order, at most `count_max`. Raises SearchTooLong after SQL_STEPS_MAX steps."""
        clauses = ["block between ? and ?"]
        values: list[int | bytes] = [wanted.first, wanted.last]
        columns = [("address", wanted.addresses), *((f"topic{i}", t) for i, t in enumerate(wanted.topics))]
        for column, accepted in columns:
            if accepted:
                clauses.append(f"{column} in ({', '.join('?' * len(accepted))})")
                values.extend(accepted)
        if len(wanted.topics) > 0 and not wanted.topics[-1]:
            clauses.append(f"topic{len(wanted.topics) - 1} is not null")
        query = f"select * from logs where {' and '.join(clauses)} order by block, position limit ?"
        return _bounded(self.store.connection, query, [*values, count_max])


def _bounded(connection: sqlite3.Connection, query: str, values: Sequence[int | bytes]) -> list[LogRow]:
    checks = 0

    def is_too_long() -> bool:
        nonlocal checks
        checks += 1
        return checks * SQL_STEPS_PER_CHECK > SQL_STEPS_MAX

    connection.set_progress_handler(is_too_long, SQL_STEPS_PER_CHECK)
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        raise SearchTooLong("Narrow the range of blocks, or name an address and topics.") from None
    finally:
        connection.set_progress_handler(None, SQL_STEPS_PER_CHECK)
