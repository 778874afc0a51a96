"""The migrations make exactly the tables that the code works on, forwards and backwards, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from token_service import migrations
from token_service.errors import BadSettings, DatabaseBusy, NotInitialised
from token_service.ledger import (
    cause_tables,
    challenge_tables,
    import_tables,
    membership_tables,
    merge_tables,
    notice_tables,
    profile_tables,
    proposal_tables,
    referral_tables,
    repair_tables,
    reward_tables,
    session_tables,
    settlement_tables,
    staff_tables,
    standing_tables,
    tables,
    user_tables,
    wallet_tables,
)
from token_service.ledger.schema import metadata
from token_service.ledger.store import Store, open_store, sqlite_url


@pytest.fixture
def store(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if database == "sqlite":
        url = sqlite_url(tmp_path / "empty.db")
    else:
        url = request.getfixturevalue("postgresql").new_database(template="template0")
    store = open_store(url)
    yield store
    store.dispose()


@pytest.fixture
def empty(store: Store) -> Engine:
    return store.engine


def test_they_make_what_the_tables_say(empty: Engine) -> None:
    assert {
        room.metadata
        for room in (
            tables,
            cause_tables,
            challenge_tables,
            import_tables,
            membership_tables,
            merge_tables,
            notice_tables,
            profile_tables,
            proposal_tables,
            referral_tables,
            reward_tables,
            repair_tables,
            session_tables,
            settlement_tables,
            staff_tables,
            standing_tables,
            user_tables,
            wallet_tables,
        )
    } == {metadata}
    migrations.upgrade(empty)
    with empty.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_they_keep_every_check_of_the_tables(empty: Engine) -> None:
    migrations.upgrade(empty)
    for table in metadata.sorted_tables:
        of_columns = [check for column in table.columns for check in column.constraints]
        checks = [*table.constraints, *of_columns]
        wanted = {check.name for check in checks if type(check).__name__ == "CheckConstraint"}
        assert {check["name"] for check in inspect(empty).get_check_constraints(table.name)} == wanted


def test_they_can_be_repeated_and_taken_back(empty: Engine, store: Store) -> None:
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    migrations.downgrade(empty, "base")
    assert inspect(empty).get_table_names() == ["alembic_version"]
    migrations.upgrade(empty)
    migrations.require_current(store)


def test_an_empty_or_older_database_is_refused(empty: Engine, store: Store) -> None:
    with pytest.raises(NotInitialised):
        migrations.require_current(store)
    migrations.upgrade(empty, "0001")
    with pytest.raises(BadSettings):
        migrations.require_current(store)


def test_looking_at_the_version_waits_for_no_writer(tmp_path: Path) -> None:
    store = open_store(sqlite_url(tmp_path / "ledger.db"))
    migrations.upgrade_store(store)
    with store.write():
        migrations.require_current(store)
    store.dispose()


def test_a_database_that_does_not_answer_is_said_so() -> None:
    store = open_store("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2")
    for work in (migrations.require_current, migrations.upgrade_store):
        with pytest.raises(DatabaseBusy):
            work(store)
    store.dispose()


def test_the_newest_version_is_the_one_that_no_other_follows() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrations.newest()]
    for revision in script.walk_revisions():
        assert Path(revision.path).name.startswith(f"{revision.revision}_")
