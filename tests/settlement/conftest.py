"""One deployed programme for each test, on a node that mines at once and an SQLite ledger unless the test says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from anvil_node import CHAIN_ID, Anvil, running_anvil
from captured_logs import captured_logs
from databases import PostgreSQL
from settlement_programme import EMBEDDED_ID, Programme, Seconds, deployed, make_programme

from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.custody.key_ring import create_keys
from token_service.ledger.store import Store, open_store, sqlite_url
from token_service.units import Wei


@pytest.fixture(autouse=True)
def logs_as_they_come() -> None:
    """Whatever an application in an earlier test of this process set up: no level filters what is captured here."""
    structlog.reset_defaults()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(sqlite_url(tmp_path / "ledger.db"))
    yield store
    store.dispose()


@pytest.fixture
def bare(sqlite_store: Store, anvil: Anvil, tmp_path: Path) -> Programme:
    """A programme without a contract."""
    return make_programme(store=sqlite_store, node=anvil.node, folder=tmp_path, chain_id=CHAIN_ID, fund=anvil.fund)


@pytest.fixture
def programme(bare: Programme) -> Programme:
    """Deployed and ready to settle."""
    deployed(bare)
    return bare


@pytest.fixture
def own_anvil() -> Iterator[Anvil]:
    """A node for this test alone: it may be reorganised, wound back or stopped."""
    with running_anvil() as node:
        yield node


@pytest.fixture
def own_programme(sqlite_store: Store, own_anvil: Anvil, tmp_path: Path) -> Programme:
    """A deployed programme on a node of its own; two blocks above one make it final."""
    programme = make_programme(
        store=sqlite_store, node=own_anvil.node, folder=tmp_path, chain_id=CHAIN_ID, fund=own_anvil.fund, depth=0
    )
    deployed(programme)
    programme.services = replace(programme.services, depth=2)
    return programme


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """What the worker logs stays out of the test report."""
    with captured_logs():
        yield


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def chain(tmp_path: Path, seconds: Seconds) -> Iterator[EmbeddedChain]:
    ring = create_keys(tmp_path / "keys")
    funded = {bytes.fromhex(address[2:]): Wei(10**24) for address in (ring.operator_address, ring.admin_address)}
    made = EmbeddedChain.create(tmp_path / "chain.db", chain_id=EMBEDDED_ID, funded=funded, clock=seconds)
    yield made
    made.close()


@pytest.fixture
def embedded(sqlite_store: Store, tmp_path: Path, chain: EmbeddedChain) -> Programme:
    """A programme whose chain is a file beside its ledger."""
    programme = make_programme(
        store=sqlite_store,
        node=EmbeddedNode(chain),
        folder=tmp_path,
        chain_id=EMBEDDED_ID,
        fund=lambda *addresses: None,
        embedded=True,
    )
    deployed(programme)
    return programme


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL, anvil: Anvil, tmp_path: Path) -> Iterator[Programme]:
    url = postgresql.lend()
    store = open_store(url)
    programme = make_programme(store=store, node=anvil.node, folder=tmp_path, chain_id=CHAIN_ID, fund=anvil.fund)
    deployed(programme)
    yield programme
    store.dispose()
    postgresql.take_back(url)
