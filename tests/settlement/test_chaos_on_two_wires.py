"""Minutes of faults on two wires to one node, with reorganisations and lost pools: everything settles once, nothing halts."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from anvil_node import CHAIN_ID, Anvil
from fault_proxy import ANY, SEND, Fault, FaultProxy, fault_proxy
from settlement_programme import Programme, deployed, make_programme
from sqlalchemy import select

from token_service.chain import reads
from token_service.chain.node import HttpNode
from token_service.chain.settlement.lanes import read_lane
from token_service.ledger.settlement_tables import attempts, blocks, transactions
from token_service.ledger.store import Store
from token_service.protocol.events import BatchSettled, decode_log
from token_service.units import EntryKind
from token_service.worker import WorkerServices, run_worker

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("quiet_log")]

ROUNDS = 150
DEPTH = 4


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_wires_do_everything_settles_once(
    sqlite_store: Store, own_anvil: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("token_service.worker.AWAY_SECONDS", 0.05)
    monkeypatch.setattr("token_service.worker.AWAY_SECONDS_MAX", 0.2)
    monkeypatch.setattr("token_service.chain.settlement.pushing.UNSURE_SECONDS", 0.1)
    chance = random.Random(seed)
    with fault_proxy(own_anvil.url) as first, fault_proxy(own_anvil.url) as second:
        node = HttpNode([first.url, second.url], timeout_seconds=0.3)
        programme = make_programme(
            store=sqlite_store, node=node, folder=tmp_path, chain_id=CHAIN_ID, fund=own_anvil.fund
        )
        deployed(programme)
        programme.services = replace(programme.services, depth=DEPTH)
        programme.with_limits(bump_after_seconds=1.0, batch_entries_max=5)
        own_anvil.request("evm_setAutomine", False)
        own_anvil.mine(DEPTH)  # what the deployment found final stays below every reorganisation
        people = [programme.member() for _ in range(5)]
        given: Counter[str] = Counter()
        stop = threading.Event()
        thread = threading.Thread(target=run_worker, args=(WorkerServices(programme.services, 0.0), stop))
        thread.start()
        for _ in range(ROUNDS):
            misfortune(chance, own_anvil, (first, second))
            person, points = chance.choice(people), chance.randint(1, 9)
            programme.record(person, EntryKind.ISSUANCE, points)
            given[person] += points
            own_anvil.mine()
            time.sleep(0.1)
        for wire in (first, second):
            wire.calm()
        until = time.monotonic() + 60
        while time.monotonic() < until and not all(batch.state == "final" for batch in programme.batches()):
            own_anvil.mine()
            time.sleep(0.1)
        stop.set()
        thread.join(timeout=30)
        own_anvil.request("evm_setAutomine", True)
        own_anvil.mine(DEPTH + 1)
        programme.settle(timeout_seconds=5)
        own_anvil.mine(DEPTH + 1)
        assert programme.settle().is_settled
        assert {person: programme.balance(person) for person in people} == dict(given)
        check_invariants(programme, first.raws + second.raws)
        with programme.store.read() as connection:
            orphaned = connection.execute(select(blocks.c.hash).where(blocks.c.state == "orphaned")).all()
        assert orphaned  # or it was no chaos
        assert len(first.raws) > len(set(first.raws))
        node.close()


def misfortune(chance: random.Random, anvil: Anvil, wires: tuple[FaultProxy, ...]) -> None:
    wire = chance.choice(wires)
    match chance.randint(0, 9):
        case 0 | 1 | 2:
            wire.plan(SEND, chance.choice(list(Fault)))
        case 3 | 4:
            wire.plan(ANY, chance.choice(list(Fault)))
        case 5:
            anvil.request("anvil_dropAllTransactions")
        case 6:
            anvil.request("anvil_reorg", chance.randint(1, DEPTH - 1), [])
        case _:
            pass


def check_invariants(programme: Programme, raws: list[bytes]) -> None:
    """One event for each sequence, no gap in nonces, attempts of one payload, nothing sent that is not stored, nothing halted."""
    node = programme.services.node
    logs = reads.logs(node, programme.contract, 0, reads.head(node).number)
    seqs = [event.seq for event in map(decode_log, logs) if isinstance(event, BatchSettled)]
    assert seqs == list(range(1, len(programme.batches()) + 1))
    with programme.store.read() as connection:
        stored = {bytes(raw) for raw in connection.execute(select(attempts.c.raw)).scalars()}
        query = select(transactions.c.nonce).where(transactions.c.batch_id.is_not(None))
        nonces = sorted(connection.execute(query).scalars())
        lane = read_lane(connection)
    assert set(raws) <= stored
    assert nonces == list(range(len(nonces)))
    assert (lane.state, lane.reason) == ("active", None)
