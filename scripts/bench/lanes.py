"""Two lanes on PostgreSQL and anvil against a tight loop of single mints, and where the time of settling goes there."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from web3 import HTTPProvider, Web3

from scripts.bench.anvil import fund, running_anvil
from scripts.bench.programme import MEMBERS, SETTLE_SECONDS, Programme, programme
from scripts.bench.rival import Build, Sender
from scripts.bench.service import running_postgresql
from scripts.bench.table import Breakdown, Figure
from scripts.bench.throughput import (
    ANVIL_TARGET,
    ENTRIES,
    ROUNDS,
    TIGHT_MINTS,
    Round,
    bench_signer,
    lines_of,
    rate_of,
    tight_mint,
)
from token_service.app.operators import add_operator
from token_service.chain.endpoints import Outcome
from token_service.chain.node import SEND_METHOD, HttpNode
from token_service.chain.services import ChainServices, Signer
from token_service.chain.settlement import check_chain
from token_service.errors import MereauError
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol_batch
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.transactions import Transaction
from token_service.worker import WorkerServices, settle_until_idle

DATABASE: Final = "database: every row, on PostgreSQL"
SENDING: Final = "RPC and EVM: anvil takes a batch in and runs it"
READING: Final = "RPC: blocks and logs are read back"
SIGNING: Final = "signing"
REST: Final = "encoding: words, Merkle tree, receipt files, rows in Python"


@dataclass
class Clock:
    """Seconds of each part."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    is_on: bool = False

    def add(self, part: str, seconds: float) -> None:
        if self.is_on:
            self.seconds[part] += seconds

    def observe(self, label: str, method: str, seconds: float, outcome: Outcome) -> None:
        self.add(SENDING if method == SEND_METHOD else READING, seconds)


@dataclass(frozen=True)
class TimedSigner:
    """Signs as the other does."""

    inner: Signer
    clock: Clock

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        began = time.perf_counter()
        raw = self.inner.sign_transaction(address, transaction)
        self.clock.add(SIGNING, time.perf_counter() - began)
        return raw

    def sign_bind(self, member: SealedMember, bind: Bind) -> bytes:
        return self.inner.sign_bind(member, bind)


def measure_lanes(rival: Build) -> tuple[list[Figure], Breakdown]:
    """As `measure_anvil`, with two operators side by side and PostgreSQL for the ledger."""
    signer, clock, rounds = bench_signer(), Clock(), []
    with running_anvil() as rival_url, _two_lanes(clock) as (made, chain):
        fund(rival_url, signer.address)
        mint = tight_mint(Sender(Web3(HTTPProvider(rival_url)), signer), rival)
        mint(0)
        made.buy(2 * MEMBERS)
        _settle(chain)
        before, spent = rate_of(mint, TIGHT_MINTS), 0.0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            made.buy(ENTRIES)
            recorded = time.perf_counter()
            clock.is_on = True
            _settle(chain)
            clock.is_on = False
            done = time.perf_counter()
            spent += done - recorded
            after = rate_of(mint, TIGHT_MINTS)
            rounds.append(Round(ENTRIES / (done - recorded), ENTRIES / (done - began), (before + after) / 2))
            before = after
    figures = lines_of("PostgreSQL, anvil, two lanes", rounds, "tight loop of single OpenZeppelin mints", ANVIL_TARGET)
    return figures, _breakdown(clock, spent)


def _breakdown(clock: Clock, spent: float) -> Breakdown:
    parts = dict(clock.seconds)
    rest = max(0.0, spent - sum(parts.values()))
    title = f"Where the time of settling in two lanes on PostgreSQL and anvil goes, {ROUNDS * ENTRIES:,} entries"
    return Breakdown(title, [*parts.items(), (REST, rest)])


@contextmanager
def _two_lanes(clock: Clock) -> Iterator[tuple[Programme, ChainServices]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        running_postgresql(Path(folder)) as database,
        programme(Path(folder) / "var", rpc_url=url, database_url=database) as made,
    ):
        application = made.application
        lane = add_operator(application.context, application.keys)
        fund(url, lane.operator)
        node = HttpNode([url], observer=clock.observe)
        chain = check_chain(application.chain_services(node))
        make_signer = chain.make_signer
        chain = replace(chain, make_signer=lambda contract: TimedSigner(make_signer(contract), clock))
        _settle(chain)  # the new operator has its role now
        _time_queries(application.store.engine, clock)
        made.members = _enrol(made)
        yield made, chain
        node.close()


def _enrol(made: Programme) -> Sequence[str]:
    """Members of both lanes, since they come after the second one."""
    news = [NewMember(f"both-{number}") for number in range(MEMBERS)]
    outcomes = enrol_batch(made.application.context, made.merchant, news)
    return [one.member.id for one in outcomes if not isinstance(one, MereauError)]


def _settle(chain: ChainServices) -> None:
    if not settle_until_idle(WorkerServices(chain, batch_seconds=0), SETTLE_SECONDS).is_settled:
        raise RuntimeError("the bench's entries were not settled in time")


def _time_queries(engine: Any, clock: Clock) -> None:
    begun: dict[int, float] = {}

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Any, *_: Any) -> None:
        begun[id(connection)] = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def after(connection: Any, *_: Any) -> None:
        clock.add(DATABASE, time.perf_counter() - begun.pop(id(connection)))
