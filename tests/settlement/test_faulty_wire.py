"""A real node behind a wire that fails in every way: calls end soon, are told apart, and a nonce has one payload."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from anvil_node import CHAIN_ID, Anvil, running_anvil
from fault_proxy import ANY, SEND, Fault, FaultProxy, fault_proxy, proxy_process
from settlement_programme import Programme, deployed, make_programme
from sqlalchemy import select

from token_service.chain.json_rpc import Outcome
from token_service.chain.node import HttpNode
from token_service.errors import NodeUnreachable
from token_service.ledger.settlement_tables import attempts, transactions
from token_service.ledger.store import Store
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")

OUTCOMES = {
    Fault.TIMEOUT_AFTER: Outcome.TIMEOUT,
    Fault.RESET_AFTER: Outcome.UNREACHABLE,
    Fault.HTML_AFTER: Outcome.MALFORMED,
    Fault.TRUNCATED_AFTER: Outcome.MALFORMED,
    Fault.UNAVAILABLE: Outcome.UNAVAILABLE,
    Fault.RATE_LIMITED: Outcome.RATE_LIMITED,
    Fault.HTML: Outcome.MALFORMED,
    Fault.HANG: Outcome.TIMEOUT,
    Fault.DRIP: Outcome.TIMEOUT,
    Fault.RESET: Outcome.UNREACHABLE,
}


@pytest.fixture
def wire(anvil: Anvil) -> Iterator[FaultProxy]:
    with fault_proxy(anvil.url) as proxy:
        yield proxy


@pytest.mark.parametrize("fault", Fault)
def test_a_call_that_fails_ends_soon_and_says_how(wire: FaultProxy, fault: Fault) -> None:
    seen: list[Outcome] = []
    node = HttpNode(
        [wire.url],
        timeout_seconds=0.3 if OUTCOMES[fault] is Outcome.TIMEOUT else 10,
        read_rounds=1,
        observer=lambda label, method, seconds, outcome: seen.append(outcome),
    )
    wire.always(ANY, fault)
    begun = time.monotonic()
    with pytest.raises(NodeUnreachable) as raised:
        node.request("eth_blockNumber", [])
    assert time.monotonic() - begun < 2
    assert seen == [OUTCOMES[fault]]
    assert wire.url not in str(raised.value.detail) + str(raised.value.facts)
    wire.always(ANY, None)
    assert int(node.request("eth_blockNumber", []), 16) >= 0
    node.close()


def programme_at(node: HttpNode, store: Store, anvil: Anvil, folder: Path) -> Programme:
    programme = make_programme(store=store, node=node, folder=folder, chain_id=CHAIN_ID, fund=anvil.fund)
    deployed(programme)
    return programme


def test_whatever_happens_to_a_send_each_nonce_has_one_payload(
    sqlite_store: Store, anvil: Anvil, wire: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_service.chain.settlement.pushing.UNSURE_SECONDS", 0.05)
    node = HttpNode([wire.url], timeout_seconds=0.5)
    programme = programme_at(node, sqlite_store, anvil, tmp_path)
    alice = programme.member()
    for fault in Fault:
        before = len(wire.raws)
        wire.plan(SEND, fault)
        programme.record(alice, EntryKind.ISSUANCE, 5)
        assert programme.settle().is_settled
        assert wire.is_through
        assert fault.reaches_the_node or len(wire.raws) - before >= 2
    assert programme.balance(alice) == 5 * len(Fault)
    with programme.store.read() as connection:
        stored = {bytes(raw) for raw in connection.execute(select(attempts.c.raw)).scalars()}
        batches = select(transactions.c.nonce).where(transactions.c.batch_id.is_not(None)).order_by("nonce")
        nonces = connection.execute(batches).scalars().all()
    assert set(wire.raws) <= stored
    assert nonces == list(range(len(Fault)))
    node.close()


@pytest.mark.soak
def test_reads_that_fail_only_take_longer(sqlite_store: Store, anvil: Anvil, wire: FaultProxy, tmp_path: Path) -> None:
    node = HttpNode([wire.url], timeout_seconds=0.5)
    programme = programme_at(node, sqlite_store, anvil, tmp_path)
    alice = programme.member()
    for method in ("eth_getBlockByNumber", "eth_getLogs", "eth_getTransactionCount", "eth_feeHistory"):
        wire.plan(method, Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.TRUNCATED_AFTER, Fault.RESET)
    programme.record(alice, EntryKind.ISSUANCE, 5)
    assert programme.settle().is_settled
    assert programme.balance(alice) == 5
    node.close()


def test_a_killed_endpoint_holds_nothing_up(
    sqlite_store: Store, anvil: Anvil, wire: FaultProxy, tmp_path: Path
) -> None:
    """Both wires lead to one chain, and the process behind the first is killed."""
    with proxy_process(anvil.url) as (url, process):
        node = HttpNode([url, wire.url], timeout_seconds=2)
        programme = programme_at(node, sqlite_store, anvil, tmp_path)
        alice = programme.member()
        programme.record(alice, EntryKind.ISSUANCE, 5)
        assert programme.settle().is_settled
        assert [health.state for health in node.health()] == ["well", "well"]
        process.kill()
        for _ in range(2):
            programme.record(alice, EntryKind.ISSUANCE, 5)
            assert programme.settle().is_settled
        assert programme.balance(alice) == 15
        assert [health.state for health in node.health()] == ["resting", "well"]
        node.close()


def test_an_endpoint_of_another_chain_gets_no_transaction(sqlite_store: Store, anvil: Anvil, tmp_path: Path) -> None:
    with running_anvil() as other, fault_proxy(other.url) as stranger:
        programme = programme_at(HttpNode([anvil.url]), sqlite_store, anvil, tmp_path)
        node = HttpNode([anvil.url, stranger.url])
        programme.services = replace(programme.services, node=node)
        alice = programme.member()
        programme.record(alice, EntryKind.ISSUANCE, 5)
        assert programme.settle().is_settled
        assert stranger.raws == []
        assert {health.state for health in node.health()} == {"well", "wrong_chain"}
        node.close()
