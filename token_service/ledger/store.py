"""The database behind the ledger: SQLite or PostgreSQL, one engine, transactions that begin the right way (DESIGN §5).

On SQLite every writer begins IMMEDIATE (readers a plain BEGIN, which in WAL sees one snapshot), every commit is
synced to disk. On PostgreSQL writers are READ COMMITTED and use cases lock the rows they decide on; readers are
REPEATABLE READ, so that an answer's figures belong together. One statement alone is its own snapshot on both: `ask`
gives it a connection without BEGIN and COMMIT. Library errors become ours here.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from token_service.errors import (
    BadSettings,
    DatabaseBusy,
    DiskFull,
    InvalidInput,
    InvariantBroken,
    MereauError,
    OperatorError,
    Refused,
    TryAgain,
)
from token_service.ledger.direct import driver_errors
from token_service.ledger.sharing import Sharing

Result = TypeVar("Result")

BUSY_TIMEOUT_MS: Final = 10_000
POLL_SECONDS: Final = 0.001
"""How often a writer asks for SQLite's lock. SQLite's own waiting sleeps up to 100 ms between two looks."""
PING_AFTER_SECONDS: Final = 1.0
"""A connection to PostgreSQL that lay idle for so long is tried before it is used: the server may have restarted."""
OVERFLOW: Final = 26
"""Connections to PostgreSQL beyond ten, opened when needed: one for each of a web process's 32 requests, and some to spare."""
SHARED_AT_ONCE: Final = 4
"""Transactions at once before callers share one: as many as keep the interpreter busy while others wait for PostgreSQL."""
LONG_LOG_PAGES: Final = 16_384
"""64 MB; SQLite's own mark, which holds for all but the web process, is 1,000 pages."""
ATTEMPTS: Final = 8
_RETRY: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock: nothing was done, do it again
_DUPLICATE: Final = "23505"
_DISK_FULL: Final = frozenset({"53100", "53200"})
_UNREACHABLE: Final = ("08", "57P", "53300", "55P03", "25006")  # 25006: read-only, a standby after a failover


class Store:
    """One engine. `write` and `read` give a connection in a transaction that commits at the end, or rolls back on any
    error. No error says what was looked for or written: errors end in a log.
    """

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.engine: Engine = _make_engine(url, busy_timeout_ms)
        self.is_sqlite: bool = self.engine.dialect.name == "sqlite"
        self.sharing: Sharing | None = None
        self._turn = threading.Lock()
        self._turn_seconds = busy_timeout_ms / 1000
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        single = {"begins": "nothing"} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reader: Engine = self.engine.execution_options(begins="read", **snapshot)
        self._asker: Engine = self.engine.execution_options(**single)

    def leave_checkpoints(self) -> None:
        """For a process that people wait for: another one that writes, the worker, brings SQLite's log into the file (a purchase
        adds some 100 kB to it). This one does so only when the log has grown very long all the same.
        """
        if self.is_sqlite:
            pragma = f"pragma wal_autocheckpoint={LONG_LOG_PAGES}"
            event.listen(self.engine, "connect", lambda connection, _record: connection.execute(pragma))
            self.engine.dispose()

    def share_transactions(self) -> None:
        """For a process with many callers at once: what more of them ask for is done in one transaction (sharing.py)."""
        self.sharing = Sharing(1 if self.is_sqlite else SHARED_AT_ONCE)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction. Raises DatabaseBusy when the lock or the server is not to be had, DiskFull."""
        try:
            with self._begin() as connection:
                yield connection
        except _Repeat as error:
            raise DatabaseBusy("the database asks to run this again") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one snapshot, never behind a writer."""
        with _our_errors(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def ask(self) -> Iterator[Connection]:
        """A connection outside of any transaction, for one statement that only reads."""
        with _our_errors(), self._asker.connect() as connection:
            yield connection

    @contextmanager
    def one_trip(self, connection: Connection) -> Iterator[None]:
        """Inside, statements are sent without waiting for each answer; they must be ones whose results nobody reads."""
        driver: Any = connection.connection.driver_connection
        with driver_errors(connection), nullcontext() if self.is_sqlite else driver.pipeline():
            yield

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` answers inside one write transaction; done again when the database asks for that (deadlock). What a refusal
        asks to be written down is written behind it, in a transaction of its own.
        """
        try:
            return self._transact(work)
        except Refused as refusal:
            self._write_down(refusal)
            raise

    def _write_down(self, refusal: Refused) -> None:
        """A database that does not take it now must not hide the refusal itself."""
        write_down, refusal.write_down = refusal.write_down, None
        if write_down is not None:
            with suppress(TryAgain, OperatorError), self.write() as connection:
                write_down(connection)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        for _ in range(ATTEMPTS - 1):
            try:
                with self._begin() as connection:
                    return work(connection)
            except _Repeat:
                continue
        try:
            with self._begin() as connection:
                return work(connection)
        except _Clash as error:
            raise InvariantBroken("the database refuses a row as a duplicate, again and again") from error
        except _Repeat as error:
            raise DatabaseBusy("the database is busy; try again") from error

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._my_turn(), _our_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """SQLite has one writer at a time: this process's threads queue here, so that only processes poll for its lock."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=self._turn_seconds):
            raise DatabaseBusy("the database is locked by another request; try again")
        try:
            yield
        finally:
            self._turn.release()

    def dispose(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


class _Repeat(Exception):
    """The database undid the transaction and asks to run it again; never leaves this file."""


class _Clash(_Repeat):
    """Another transaction wrote a unique value first: run again, and find it."""


class JoinedStore(Store):
    """The store inside a transaction that somebody else began and will end: several use cases, one commit."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self.engine = store.engine
        self.is_sqlite = store.is_sqlite
        self.sharing = None
        self._connection = connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def ask(self) -> Iterator[Connection]:
        yield self._connection

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """As ever, but nobody repeats it here. A refusal undoes what `work` wrote, and the outer transaction goes on."""
        with self._connection.begin_nested():
            return work(self._connection)


def open_store(url: str) -> Store:
    """The store at a SQLAlchemy URL (sqlite:///…, postgresql+psycopg://…)."""
    return Store(url)


def sqlite_url(path: object) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def _make_engine(url: str, busy_timeout_ms: int) -> Engine:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise BadSettings("the database URL cannot be read") from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        patience = {"check_same_thread": False, "timeout": busy_timeout_ms / 1000}
        engine = create_engine(parsed, hide_parameters=True, connect_args=patience)
        _prepare_sqlite(engine, busy_timeout_ms)
        return engine
    if backend == "postgresql":
        engine = create_engine(
            parsed, hide_parameters=True, isolation_level="READ COMMITTED", pool_size=10, max_overflow=OVERFLOW
        )
        _try_idle_connections(engine)
        return engine
    raise BadSettings("the database is SQLite or PostgreSQL")


def _prepare_sqlite(engine: Engine, busy_timeout_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves (Python 3.11 has no autocommit=)
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={busy_timeout_ms}")
        for pragma in pragmas:
            connection.execute("pragma " + pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        begins = connection.get_execution_options().get("begins", "write")
        driver: Any = connection.connection.driver_connection
        if begins == "write":
            _wait_for_lock(driver, busy_timeout_ms)
        elif begins == "read":
            driver.execute("BEGIN")


def _wait_for_lock(driver: sqlite3.Connection, busy_timeout_ms: int) -> None:
    """Begins a write transaction, looking for the lock every POLL_SECONDS. Raises DatabaseBusy when the time is up."""
    driver.execute("pragma busy_timeout=0")
    try:
        until = time.monotonic() + busy_timeout_ms / 1000
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                mapped = _from_sqlite(str(error))
                if mapped is None:
                    raise
                if not isinstance(mapped, DatabaseBusy) or time.monotonic() > until:
                    raise mapped from error
            time.sleep(POLL_SECONDS)
    finally:
        driver.execute(f"pragma busy_timeout={busy_timeout_ms}")


def _try_idle_connections(engine: Engine) -> None:
    """As SQLAlchemy's pool_pre_ping, without a round trip before each transaction of a busy process."""

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used_at", 0.0) < PING_AFTER_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except MereauError:
        raise
    except PoolTimeout as error:
        raise DatabaseBusy("every database connection is in use") from error
    except DBAPIError as error:
        mapped = _mapped(error)
        if mapped is None:
            raise
        raise mapped from error


def _mapped(error: DBAPIError) -> Exception | None:
    """Our error for what a driver says, None for what is a mistake of ours (a broken constraint, bad SQL)."""
    original = error.orig
    if isinstance(original, sqlite3.OperationalError | sqlite3.DatabaseError):
        return _from_sqlite(str(original))
    state = str(getattr(original, "sqlstate", None) or "")
    if state in _RETRY:
        return _Repeat("the database undid the transaction; try again")
    if state == _DUPLICATE:
        return _Clash("another transaction recorded the same; try again")
    if state in _DISK_FULL:
        return DiskFull("the database has no room left; nothing was recorded")
    if state.startswith(_UNREACHABLE) or (not state and isinstance(error, OperationalError | InterfaceError)):
        return DatabaseBusy("the database does not answer; try again")
    if not state and isinstance(error, DataError):  # the driver did not even send it
        return InvalidInput("a text holds the character U+0000, which cannot be stored")
    return None


def _from_sqlite(message: str) -> MereauError | None:
    text = message.lower()
    if "locked" in text or "busy" in text:
        return DatabaseBusy("the database is locked by another process; try again")
    if "disk is full" in text or "disk i/o error" in text:
        return DiskFull("the disk is full; nothing was recorded")
    if "readonly database" in text or "unable to open" in text:
        return BadSettings("the database file cannot be written")
    return None
