"""The same tests on SQLite and on PostgreSQL: `make` builds a programme with a ruleset in a fresh database of
either.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import PostgreSQL
from ledger_town import Make, Town, make_town

from token_service.ledger.store import Store, open_store, sqlite_url
from token_service.migrations import upgrade


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("migrated") / "ledger.db"
    store = open_store(sqlite_url(path))
    upgrade(store.engine)
    store.dispose()
    return path


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_store(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path
) -> Iterator[Callable[[], Store]]:
    """Makes stores in fresh, migrated databases."""
    made: list[Store] = []

    def make() -> Store:
        if database == "sqlite":
            path = tmp_path / f"ledger-{len(made)}.db"
            shutil.copy(migrated_file, path)
            made.append(open_store(sqlite_url(path)))
        else:
            server: PostgreSQL = request.getfixturevalue("postgresql")
            made.append(open_store(server.lend()))
        return made[-1]

    yield make
    for store in made:
        store.dispose()
        if not store.is_sqlite:
            request.getfixturevalue("postgresql").take_back(store.engine.url.render_as_string(hide_password=False))


@pytest.fixture
def make(new_store: Callable[[], Store], keys_folder: Path) -> Make:
    """Builds a programme: `make(ruleset)`."""
    return lambda *document, **ceiling: make_town(new_store(), keys_folder, *document, **ceiling)


@pytest.fixture
def town(make: Make) -> Town:
    """The plain programme."""
    return make()
