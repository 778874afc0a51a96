"""The migrations make exactly the tables that the code works on, forwards and backwards, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from token_service import migrations
from token_service.errors import BadSettings, NotInitialised
from token_service.ledger import session_tables, settlement_tables, tables
from token_service.ledger.schema import metadata
from token_service.ledger.store import open_store, sqlite_url


@pytest.fixture
def empty(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if database == "sqlite":
        url = sqlite_url(tmp_path / "empty.db")
    else:
        url = request.getfixturevalue("postgresql").new_database(template="template0")
    store = open_store(url)
    yield store.engine
    store.dispose()


def test_they_make_what_the_tables_say(empty: Engine) -> None:
    assert {tables.metadata, session_tables.metadata, settlement_tables.metadata} == {metadata}
    migrations.upgrade(empty)
    with empty.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_they_keep_every_check_of_the_tables(empty: Engine) -> None:
    migrations.upgrade(empty)
    for table in metadata.sorted_tables:
        wanted = {check.name for check in table.constraints if type(check).__name__ == "CheckConstraint"}
        assert {check["name"] for check in inspect(empty).get_check_constraints(table.name)} == wanted


def test_they_can_be_repeated_and_taken_back(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    migrations.downgrade(empty, "base")
    assert inspect(empty).get_table_names() == ["alembic_version"]
    migrations.upgrade(empty)
    migrations.require_current(empty)


def test_an_empty_or_older_database_is_refused(empty: Engine) -> None:
    with pytest.raises(NotInitialised):
        migrations.require_current(empty)
    migrations.upgrade(empty, "0001")
    with pytest.raises(BadSettings):
        migrations.require_current(empty)
