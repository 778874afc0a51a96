"""The database's schema, version by version (alembic), shipped with the package and run from Python.

`upgrade` brings a database to the newest version, `require_current` refuses to work on any other. Only forward in
production; `downgrade` is for tests and for those who know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from token_service.errors import BadSettings, NotInitialised
from token_service.ledger.store import Store

_HERE: Final = Path(__file__).parent


def upgrade(engine: Engine, revision: str = "head") -> None:
    """The database at the newest version (or `revision`), in one transaction where the database can. Repeatable."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """The database at an earlier version ("base" = empty): what later versions hold is lost."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def upgrade_store(store: Store) -> None:
    """As `upgrade`. Raises DatabaseBusy when the database is locked or does not answer, DiskFull."""
    with store.write() as connection:
        command.upgrade(_config(connection), "head")


def current(store: Store) -> str | None:
    """The version of the database, None for an empty one. Waits for no writer. Raises DatabaseBusy when it does not answer."""
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current(store: Store) -> None:
    """Raises NotInitialised for an empty database, BadSettings for one of another version than this program's."""
    found, newest = current(store), ScriptDirectory.from_config(_config(None)).get_current_head()
    if found is None:
        raise NotInitialised("the database is empty: run `mereau init` or `mereau migrate`")
    if found != newest:
        raise BadSettings("the database has another version than this program: run `mereau migrate`")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
