"""The database's schema, version by version (alembic), shipped with the package and run from Python.

`upgrade` brings a database to the newest version, `require_current` refuses to work on any other. Only forward in
production; `downgrade` is for tests and for those who know. Alembic is imported when something migrates: every command looks at
the version, and importing it takes longer than the look.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select

from token_service.errors import BadSettings, NotInitialised
from token_service.ledger.store import Store

if TYPE_CHECKING:
    from alembic.config import Config

_HERE: Final = Path(__file__).parent
_versions = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def upgrade(engine: Engine, revision: str = "head") -> None:
    """The database at the newest version (or `revision`), in one transaction where the database can. Repeatable."""
    from alembic import command

    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """The database at an earlier version ("base" = empty): what later versions hold is lost."""
    from alembic import command

    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def upgrade_store(store: Store) -> None:
    """As `upgrade`. Raises DatabaseBusy when the database is locked or does not answer, DiskFull."""
    from alembic import command

    with store.write() as connection:
        command.upgrade(_config(connection), "head")


def current(store: Store) -> str | None:
    """The version of the database, None for an empty one. Waits for no writer. Raises DatabaseBusy when it does not answer."""
    with store.read() as connection:
        if not inspect(connection).has_table(_versions.name):
            return None
        return connection.execute(select(_versions.c.version_num)).scalar()


def newest() -> str:
    """The version that this program works with. Each file of versions/ begins with its own."""
    return max(path.name.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))


def require_current(store: Store) -> None:
    """Raises NotInitialised for an empty database, BadSettings for one of another version than this program's."""
    found = current(store)
    if found is None:
        raise NotInitialised("the database is empty: run `mereau init` or `mereau migrate`")
    if found != newest():
        raise BadSettings("the database has another version than this program: run `mereau migrate`")


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
