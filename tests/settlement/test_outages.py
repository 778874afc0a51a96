"""A worker whose node or database goes away: it waits, says so once, and goes on."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from anvil_node import CHAIN_ID, Anvil, free_port
from captured_logs import captured_logs
from faulty_node import FaultyNode
from settlement_programme import Programme, deployed, make_programme

from token_service.chain.json_rpc import result_of
from token_service.chain.node import HttpNode
from token_service.errors import DiskFull, NodeUnreachable, RpcError
from token_service.ledger.store import Store
from token_service.units import EntryKind
from token_service.worker import WorkerServices, run_worker, wait_until_settled


@pytest.mark.parametrize("trouble", ["is_down", "is_elsewhere"])
def test_a_worker_survives_a_node_that_goes_away_or_elsewhere_and_says_so_once(
    trouble: str, sqlite_store: Store, anvil: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_service.worker.AWAY_SECONDS", 0.1)
    wire = FaultyNode(anvil.node)
    programme = make_programme(store=sqlite_store, node=wire, folder=tmp_path, chain_id=CHAIN_ID, fund=anvil.fund)
    deployed(programme)
    stop = threading.Event()
    with captured_logs() as lines:
        thread = threading.Thread(target=run_worker, args=(WorkerServices(programme.services, 0.0), stop))
        thread.start()
        setattr(wire, trouble, True)
        alice = programme.member()
        programme.record(alice, EntryKind.ISSUANCE, 5)
        until = time.monotonic() + 20
        while not any(line["event"] == "worker_waits" for line in lines) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)  # it asks again and again, and says no more
        setattr(wire, trouble, False)
        left = wait_until_settled(programme.store, programme.clock, 10)
        stop.set()
        thread.join(timeout=10)
    assert left.is_settled
    assert programme.balance(alice) == 5
    said = [line["event"] for line in lines]
    assert said.count("worker_waits") == said.count("worker_goes_on") == 1


def test_a_worker_survives_a_locked_database(programme: Programme, quiet_log: None) -> None:
    stop = threading.Event()
    impatient = Store(str(programme.store.engine.url), busy_timeout_ms=50)
    context = replace(programme.services.context, store=impatient)
    services = WorkerServices(replace(programme.services, context=context), 0.0)
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 5)
    thread = threading.Thread(target=run_worker, args=(services, stop))
    with programme.store.write():
        thread.start()
        time.sleep(0.4)
    assert wait_until_settled(programme.store, programme.clock, 15).is_settled
    stop.set()
    thread.join(timeout=10)
    impatient.dispose()
    assert programme.balance(alice) == 5


def test_reads_go_to_the_next_url_and_give_up_in_the_end(anvil: Anvil) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    assert int(HttpNode([dead, anvil.url]).request("eth_chainId", []), 16) == CHAIN_ID
    with pytest.raises(NodeUnreachable):
        HttpNode([dead]).request("eth_chainId", [])


def test_a_refusal_keeps_the_nodes_words_and_the_revert_data(programme: Programme) -> None:
    node = programme.services.node
    with pytest.raises(RpcError) as refused:
        node.request("eth_call", [{"to": programme.contract, "data": "0x8456cb59"}, "latest"])
    assert str(refused.value.data).startswith("0xe2517d3f")  # AccessControlUnauthorizedAccount
    with pytest.raises(RpcError):
        node.request("eth_sendRawTransaction", ["0x02"])


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"id": 1}])
def test_nonsense_counts_as_no_answer(answer: object) -> None:
    with pytest.raises(NodeUnreachable):
        result_of(answer, "eth_chainId")


def test_nothing_is_sent_while_the_receipt_file_cannot_be_written(
    sqlite_store: Store, anvil: Anvil, tmp_path: Path, quiet_log: None
) -> None:
    wire = FaultyNode(anvil.node)
    programme = make_programme(store=sqlite_store, node=wire, folder=tmp_path, chain_id=CHAIN_ID, fund=anvil.fund)
    deployed(programme)
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 5)
    sent = len(wire.sent)
    (tmp_path / "receipts").write_text("in the way of the folder")
    with pytest.raises(DiskFull):
        programme.settle(timeout_seconds=0.3)
    assert (len(wire.sent), programme.balance(alice)) == (sent, 0)
    (tmp_path / "receipts").unlink()
    assert programme.settle().is_settled
    assert programme.balance(alice) == 5
