"""Fixtures that several rooms need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from anvil_node import Anvil, running_anvil
from argon2 import PasswordHasher
from databases import PostgreSQL, running_postgresql
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from token_service.ledger import store

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("mereau", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mereau")


PROCESSES = ("cli", "docs", "faults", "custody", "chain_embedded", "repair", "contracts", "pages")
"""Rooms of tests that start the product's own processes, compilers or browsers: files of few tests that take long."""


STATEMENTS_MAX: Final = 5_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, else the last file of all keeps one core busy while the others wait."""
    order = {room: place for place, room in enumerate(PROCESSES)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(order)))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """A password's hash is slow on purpose; in this process it is not. test_staff.py looks at the real one."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr("token_service.ledger.passwords._hasher", quick)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """Each test has a database and an engine of its own; a statement that was compiled for one serves all of its kind. Compiling
    them for each anew was a fifth of the time.
    """
    straight = store._make_engine
    for_all: dict[type, LRUCache[Any, Any]] = {}

    def make(url: str, busy_timeout_ms: int) -> Engine:
        engine = straight(url, busy_timeout_ms)
        engine._compiled_cache = for_all.setdefault(type(engine.dialect), LRUCache(STATEMENTS_MAX))
        return engine

    with pytest.MonkeyPatch.context() as patch:
        for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            patch.setattr(dialect, "__eq__", lambda self, other: type(self) is type(other))
            patch.setattr(dialect, "__hash__", lambda self: hash(type(self)))
        patch.setattr(store, "_make_engine", make)
        yield


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    """A node that mines every transaction at once; shared, so tests must bring their own keys and contract."""
    with running_anvil("--prune-history", "64") as node:
        yield node


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server; `new_database()` is the URL of a fresh, migrated database."""
    with running_postgresql() as server:
        yield server
