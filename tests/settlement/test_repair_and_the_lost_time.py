"""What a ledger that was set back must know of the time it has lost, before it sends anything again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from anvil_node import Anvil
from leaving_town import Town
from settlement_programme import Programme
from test_reverts_and_reorgs import lane, send_behind_our_back

from token_service.app.repairing import Report, repair
from token_service.chain.services import ChainServices
from token_service.chain.settlement import check_chain, plan
from token_service.errors import TryAgain
from token_service.ledger.gas_spending import GasSpending, gas_spending
from token_service.ledger.store import open_store, sqlite_url
from token_service.protocol.calldata import encode_call

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def town(programme: Programme) -> Town:
    made = Town(programme)
    made.credit(100)
    made.settle()
    return made


@contextmanager
def copied(town: Town, tmp_path: Path) -> Iterator[ChainServices]:
    """The same settlement on a copy of the ledger as it is now."""
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("vacuum into ?", (str(tmp_path / "backup.db"),))
    store = open_store(sqlite_url(tmp_path / "backup.db"))
    services = town.programme.services
    yield replace(services, context=replace(services.context, store=store))
    store.dispose()


@pytest.fixture
def older(town: Town, tmp_path: Path) -> Iterator[ChainServices]:
    with copied(town, tmp_path) as services:
        yield services


def set_back(town: Town, services: ChainServices) -> None:
    """The town goes on with the copy, repaired."""
    repaired(services)
    town.programme.services = check_chain(services)
    town.context = services.context


def repaired(services: ChainServices) -> Report:
    return repair(services, lambda batch, written: None)


def spent(services: ChainServices) -> GasSpending:
    with services.store.read() as connection:
        return gas_spending(connection, services.now())


@pytest.fixture
def holding(anvil: Anvil) -> Iterator[Anvil]:
    """A node that makes no blocks, until the test ends."""
    anvil.request("evm_setAutomine", False)
    yield anvil
    anvil.request("evm_setAutomine", True)
    anvil.mine()


def test_a_batch_that_waits_in_the_node_is_waited_for(town: Town, older: ChainServices, holding: Anvil) -> None:
    """Nothing is missing on the chain yet; but what waits would land under the number of the next batch."""
    town.credit(7)
    assert town.programme.settle(timeout_seconds=0.3).in_flight
    with pytest.raises(TryAgain, match="not final yet"):
        repaired(older)
    holding.mine()
    set_back(town, older)
    assert town.points() == (107, 107, "active")
    town.agrees()


def test_an_order_that_waits_in_the_node_is_waited_for(town: Town, older: ChainServices, holding: Anvil) -> None:
    town.programme.order("pause")
    town.programme.settle(timeout_seconds=0.3)
    with pytest.raises(TryAgain, match=older.admin):
        repaired(older)


def test_what_the_ledger_knows_may_wait(town: Town, anvil: Anvil, holding: Anvil) -> None:
    town.credit(7)
    assert town.programme.settle(timeout_seconds=0.3).in_flight
    assert repaired(town.programme.services).batches == 0


def test_a_batch_on_its_way_that_failed_and_landed_anew_in_the_lost_time_holds_nothing_up(
    town: Town, tmp_path: Path
) -> None:
    """Its second nonce is one that the copy has not given out yet."""
    programme = town.programme
    town.credit(7)
    assert plan(programme.services, flush=True) is not None
    with copied(town, tmp_path) as older:
        send_behind_our_back(programme, older.admin, programme.contract, encode_call("pause"))
        while lane(programme).code != "paused":
            programme.settle(timeout_seconds=0.3)
        send_behind_our_back(programme, older.admin, programme.contract, encode_call("unpause"))
        town.settle()
        set_back(town, older)
        town.credit(1)
        town.settle()
        assert town.points() == (108, 108, "active")
        assert (lane(programme).state, lane(programme).code) == ("active", None)
        town.agrees()


def test_gas_of_the_lost_time_counts_for_the_days_budget(town: Town, older: ChainServices) -> None:
    before = spent(older)
    town.credit(7)
    town.settle()
    repaired(older)
    assert spent(older) == spent(town.programme.services)
    assert spent(older).spent_gwei > before.spent_gwei
