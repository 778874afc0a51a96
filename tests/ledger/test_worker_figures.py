"""What workers write down for /metrics: counters add up over workers, gauges are what was seen last."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from token_service.chain.json_rpc import Outcome
from token_service.chain.rpc_calls import counting
from token_service.chain.settlement.figures import SECONDS, FigureKeeper, FigureSources
from token_service.errors import DatabaseBusy
from token_service.ledger.store import Store
from token_service.ledger.tally import Key, Tally
from token_service.ledger.worker_figures import (
    NODE_STATE,
    RPC_REQUESTS,
    RPC_SECONDS,
    note_figures,
    worker_figures_of,
)


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


def values(store: Store) -> dict[str, dict[tuple[str, ...], float]]:
    return {name: found for name, _, found in worker_figures_of(store)}


def test_counters_of_several_workers_add_up(store: Store) -> None:
    one, other = Tally(), Tally()
    for tally in (one, one, other):
        counting(tally)("node.example", "eth_call", 0.25, Outcome.OK)
    counting(other)("node.example", "eth_call", 1.0, Outcome.TIMEOUT)
    for tally in (one, other):
        note_figures(store, tally.take())
    note_figures(store, one.take())
    assert values(store) == {
        RPC_REQUESTS: {("node.example", "eth_call", "ok"): 3, ("node.example", "eth_call", "timeout"): 1},
        RPC_SECONDS: {("node.example", "eth_call"): 1.75},
    }


def test_gauges_are_what_was_seen_last(store: Store) -> None:
    note_figures(store, {}, {(NODE_STATE, ("a", "well")): 1, (NODE_STATE, ("b", "well")): 1})
    note_figures(store, {}, {(NODE_STATE, ("a", "lagging")): 1})
    note_figures(store, {(RPC_REQUESTS, ("a", "eth_call", "ok")): 1})
    assert values(store)[NODE_STATE] == {("a", "lagging"): 1}


def test_what_could_not_be_written_down_is_written_down_later() -> None:
    tally = Tally()
    for seconds in (0.5, 0.5):
        counting(tally)("a", "eth_call", seconds, Outcome.OK)
    tally.give_back(tally.take())
    counting(tally)("a", "eth_call", 1.0, Outcome.OK)
    assert tally.take() == {(RPC_REQUESTS, ("a", "eth_call", "ok")): 3, (RPC_SECONDS, ("a", "eth_call")): 2.0}
    assert tally.take() == {}


class Town:
    """As much of a worker's services as the keeper asks for."""

    contract = None
    node = None

    def __init__(self) -> None:
        self.now = 0.0
        self.store = self
        self.is_away = False
        self.written: list[dict[Key, float]] = []

    def monotonic(self) -> float:
        return self.now

    def transact(self, _work: object) -> None:
        if self.is_away:
            raise DatabaseBusy("away")
        self.written.append({})


def test_the_keeper_writes_from_time_to_time_and_a_database_that_is_away_stops_nobody() -> None:
    town, tally = Town(), Tally()
    keeper = FigureKeeper(FigureSources(tally, dict))

    def count_and_keep() -> None:
        tally.add(RPC_REQUESTS, "a", "eth_call", "ok")
        keeper.keep(town, has_chain=False)  # type: ignore[arg-type]

    town.is_away = True
    count_and_keep()
    count_and_keep()
    town.is_away = False
    count_and_keep()
    assert town.written == [], "it was not time yet"
    town.now += SECONDS
    count_and_keep()
    assert len(town.written) == 1
    assert tally.take() == {}


@pytest.mark.parametrize("url", ["https://user:word@node.example/v3/k3y", "https://node.example/?apikey=k3y"])
def test_no_secret_of_an_address_is_a_label(url: str) -> None:
    from token_service.chain.node import _labels

    assert _labels([url]) == ["node.example"]
