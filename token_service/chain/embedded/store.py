"""Where the embedded chain lies: one SQLite file, one transaction for all that a block writes (DESIGN §5, recipe 1).

py-evm opens several "atomic batches" a block and applies each by single puts. Written as they come, a crash can leave a
head whose transaction nobody finds. So puts are collected in memory while `block()` is open and go to the file, with
the block's rows for the transaction and log tables, in one BEGIN IMMEDIATE … COMMIT at `synchronous=FULL`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eth.abc import AtomicWriteBatchAPI
from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB
from lru import LRU

from token_service.errors import DatabaseBusy, DiskFull, MereauError, NotInitialised, OperatorError

HASH_BYTES: Final = 32
"""Keys of this length are hashes of their value (nodes, headers, code): they never change, so they may be cached."""
CACHED_VALUES_MAX: Final = 50_000
BUSY_TIMEOUT_MS: Final = 10_000

SCHEMA: Final = (
    "create table if not exists kv (k blob primary key, v blob not null) without rowid",
    "create table if not exists transactions (block integer, position integer, hash blob not null,"
    " primary key (block, position)) without rowid",
    "create table if not exists logs (block integer, position integer, transaction_position integer not null,"
    " address blob not null, topic0 blob, topic1 blob, topic2 blob, topic3 blob, data blob not null,"
    " primary key (block, position)) without rowid",
    "create index if not exists logs_topic0 on logs (topic0, block)",
    "create index if not exists logs_topic1 on logs (topic1, block) where topic1 is not null",
    "create index if not exists logs_topic2 on logs (topic2, block) where topic2 is not null",
)

TransactionRow = tuple[int, int, bytes]
"""block, position, hash."""
LogRow = tuple[int, int, int, bytes, bytes | None, bytes | None, bytes | None, bytes | None, bytes]
"""block, position in the block, transaction's position, address, topics 0–3, data."""


@dataclass
class BlockWrites:
    """All that one block will write; nothing of it is in the file before `BlockStore.block()` ends."""

    values: dict[bytes, bytes | None] = field(default_factory=dict)
    transactions: list[TransactionRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)


class BlockStore(BaseAtomicDB):  # type: ignore[misc]  # py-evm's classes are untyped here
    """py-evm's key-value database over one SQLite connection; writes are refused outside `block()`."""

    def __init__(self, connection: sqlite3.Connection, cache: LRU[bytes, bytes]) -> None:
        self.connection = connection
        self._writes: BlockWrites | None = None
        self._cache = cache

    @classmethod
    def for_owner(cls, path: Path) -> BlockStore:
        """The file opened for reading and writing, made when it is not there."""
        with database_errors():
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            for pragma in ("journal_mode=wal", "synchronous=full", f"busy_timeout={BUSY_TIMEOUT_MS}"):
                connection.execute(f"pragma {pragma}")
            connection.execute("begin immediate")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("commit")
        return cls(connection, new_cache())

    @classmethod
    def for_reader(cls, path: Path, cache: LRU[bytes, bytes]) -> BlockStore:
        """The file opened read-only; raises NotInitialised when there is none. Readers of one file may share a cache."""
        if not path.is_file():
            raise NotInitialised("There is no embedded chain here yet: run `mereau init`.")
        with database_errors():
            connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
            )
            connection.execute(f"pragma busy_timeout={BUSY_TIMEOUT_MS}")
        return cls(connection, cache)

    def close(self) -> None:
        self.connection.close()

    def __getitem__(self, key: bytes) -> bytes:
        if self._writes is not None and key in self._writes.values:
            value = self._writes.values[key]
            if value is None:
                raise KeyError(key)
            return value
        if len(key) == HASH_BYTES and (cached := self._cache.get(key)) is not None:
            return cached
        row = self.connection.execute("select v from kv where k = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        found: bytes = row[0]
        if len(key) == HASH_BYTES:
            self._cache[key] = found
        return found

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._open_writes().values[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._open_writes().values[key] = None

    def _open_writes(self) -> BlockWrites:
        if self._writes is None:
            raise RuntimeError("the chain may only be written inside a block")
        return self._writes

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicWriteBatchAPI]:
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:
            yield batch

    @contextmanager
    def block(self) -> Iterator[BlockWrites]:
        """Everything written inside reaches the file together at the end, or not at all when something raises."""
        writes = self._writes = BlockWrites()
        try:
            yield writes
            with database_errors():
                self._commit(writes)
        finally:
            self._writes = None
        self._cache.update({k: v for k, v in writes.values.items() if v is not None and len(k) == HASH_BYTES})

    def _commit(self, writes: BlockWrites) -> None:
        run = self.connection
        run.execute("begin immediate")
        try:
            kept = [(k, v) for k, v in writes.values.items() if v is not None]
            run.executemany("insert or replace into kv values (?, ?)", kept)
            gone = [(k,) for k, v in writes.values.items() if v is None]
            run.executemany("delete from kv where k = ?", gone)
            run.executemany("insert into transactions values (?, ?, ?)", writes.transactions)
            run.executemany("insert into logs values (?, ?, ?, ?, ?, ?, ?, ?, ?)", writes.logs)
            run.execute("commit")
        except BaseException:
            if run.in_transaction:
                run.execute("rollback")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every read inside sees the file as it was at the first one."""
        with database_errors():
            self.connection.execute("begin")
            try:
                yield
            finally:
                self.connection.execute("rollback")


def new_cache() -> LRU[bytes, bytes]:
    """For values under their hash; some 30 MB when full."""
    return LRU(CACHED_VALUES_MAX)


@contextmanager
def database_errors() -> Iterator[None]:
    """SQLite's errors as ours: DiskFull, DatabaseBusy, else OperatorError with SQLite's own words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _ours(error) from error
    except sqlite3.DatabaseError as error:
        raise OperatorError(f"The chain's file cannot be read as a database ({error}).") from error


def _ours(error: sqlite3.OperationalError) -> MereauError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return DiskFull("There is no room for the next block of the chain: free some space. Nothing was lost.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DatabaseBusy("The chain's file is locked by another program.")
    return OperatorError(f"The chain's file cannot be used ({error}): check the disk and the rights on the folder.")
