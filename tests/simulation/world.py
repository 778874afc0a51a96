"""One simulated deployment: ledger, chain, workers and clock, all of them moved by one seed."""

from __future__ import annotations

import atexit
import itertools
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import template
from fake_chain import FakeChain
from fake_node import NONE, FakeNode
from greenlet import getcurrent
from keys import ADMIN, CHAIN_ID, CONTRACT, OPERATORS, Sent, address, sign
from plan import Plan
from simulated_worker import Crash, SimulatedWorker
from watched_store import Unlisted, WatchedStore

from token_service.chain.services import ChainServices, SettlementLimits
from token_service.chain.settlement.failpoints import FAILPOINTS, WatchedNode
from token_service.errors import TryAgain
from token_service.ledger.context import Context
from token_service.ledger.store import sqlite_url
from token_service.protocol.transactions import Transaction

MAX_FEE = 300 * 10**9


@cache
def _home() -> Path:
    """A folder in memory where there is one: nothing here outlives the process."""
    memory = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(prefix="mereau-simulation-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@cache
def _store() -> WatchedStore:
    return WatchedStore(sqlite_url(_home() / "ledger.db"))


class _NoSalts:
    def seal(self, plain: bytes) -> bytes:
        return plain

    def open(self, sealed: bytes) -> bytes:
        return sealed

    def fingerprint(self, kind: str, text: str) -> str:
        return f"{kind}:{text}"


class World:
    """`story` is what happened, for whoever must understand a seed. `passed` counts failpoints."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dice = random.Random(f"run {plan.seed}")
        self.seconds, self.offset = 0.0, 0  # since the beginning; and what the wall clock is ahead of that
        self.chain_id = CHAIN_ID
        self.story: list[str] = []
        self.passed: Counter[str] = Counter()
        self.calm = False
        self.stops: dict[str, str] = {}  # worker → the failpoint where a test wants it to stand still once
        self.current: SimulatedWorker | None = None
        self.scheduler = getcurrent()
        self.store = _store()
        self.store.watching = False
        self.file = sqlite3.connect(_home() / "ledger.db", isolation_level=None)
        self.file.row_factory = sqlite3.Row
        template.ledger(plan.lanes).backup(self.file)
        self.store.check, self.store.mishap = self._check_commit, self._mishap
        self.chain = FakeChain(self.dice, template.RULESET, plan.depth, strict=plan.strict)
        self.node = FakeNode(self.chain, self.dice, plan.faults, self._check_call, self._hear_send)
        self.ids = itertools.count(1)
        self.receipts = Path(tempfile.mkdtemp(prefix="receipts-", dir=_home()))
        self.workers = [self._worker(number) for number in range(plan.workers)]
        self.sent: dict[str, Sent] = {}
        self.foreign: set[str] = set()

    def close(self) -> None:
        self.file.close()
        shutil.rmtree(self.receipts)

    def tell(self, what: str) -> None:
        self.story.append(f"{self.seconds:7.1f}s block {self.chain.head.number:3d}  {what}")

    def now(self) -> datetime:
        return template.FOUNDED + timedelta(seconds=self.seconds + self.offset)

    def unix(self) -> int:
        return int(self.now().timestamp())

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self.ids):026d}"

    # --- the parts -------------------------------------------------------------------------------------------------------

    def _worker(self, number: int) -> SimulatedWorker:
        skew = timedelta(seconds=self.dice.randint(-1, 1) * self.plan.skew_seconds)
        services = self.services(skew)
        worker = SimulatedWorker(number, services, self.dice, lambda place: self._at(worker, place))
        return worker

    def services(self, skew: timedelta = timedelta()) -> ChainServices:
        """What settlement is given, with a clock that is wrong by so much until all is calm."""

        def now() -> datetime:
            return self.now() + (timedelta() if self.calm else skew)

        context = Context(
            store=self.store,
            now=now,
            new_id=self.new_id,
            random_bytes=self.dice.randbytes,
            promise_signer=lambda digest: b"",
            salts=_NoSalts(),
            new_account=lambda: (_ for _ in ()).throw(AssertionError("nobody enrols here")),
        )
        limits = SettlementLimits(
            batch_entries=200,
            batch_entries_max=self.plan.batch_entries_max,
            in_flight_max=self.plan.in_flight_max,
            max_fee_per_gas=MAX_FEE,
            gas_budget_per_day=self.plan.gas_budget,
        )
        services = ChainServices(
            context=context,
            node=self.node,
            make_signer=lambda contract: self,
            operator=address(OPERATORS[0]),
            admin=ADMIN,
            chain_id=CHAIN_ID,
            contract=CONTRACT,
            receipts_dir=self.receipts,
            seal_opening=lambda salt_key, leaf_id, detail: b"sealed",
            monotonic=lambda: self.seconds,
            depth=self.plan.confirmations,
            limits=limits,
        )
        return replace(services, node=WatchedNode(self.node, self._call))

    def sign_transaction(self, sender: str, transaction: Transaction) -> bytes:
        """The signer; it may be away."""
        if not self.calm and self.dice.random() < self.plan.signer_fails:
            raise TryAgain("the simulation's signer does not answer")
        return sign(sender, transaction)

    # --- failpoints ------------------------------------------------------------------------------------------------------

    def _call(self, name: str) -> None:
        if self.current is not None:
            self.current.chain.failpoint(name)

    def _at(self, worker: SimulatedWorker, name: str) -> None:
        """A worker passes a failpoint: it goes on, stands still, or dies."""
        if name not in FAILPOINTS:
            raise Unlisted(f"{name} is not in chain/settlement/failpoints.py")
        self.passed[name] += 1
        if self.stops.get(worker.name) == name:
            del self.stops[worker.name]
            self.scheduler.switch()
            return
        if self.calm:
            return
        chance = self.dice.random()
        if chance < self.plan.crash:
            self.tell(f"{worker.name} dies at {name}")
            raise Crash(name)
        if chance < self.plan.crash + self.plan.switch:
            self.scheduler.switch()

    def run_worker(self, worker: SimulatedWorker) -> None:
        self.current, self.store.watching = worker, True
        try:
            worker.go_through() if self.calm else worker.go_on()
        finally:
            self.current, self.store.watching = None, False

    def kill(self, worker: SimulatedWorker) -> None:
        self.tell(f"{worker.name} is killed at {worker.place or 'rest'}")
        self.current, self.store.watching = worker, True
        try:
            worker.die()
        finally:
            self.current, self.store.watching = None, False

    def be_calm(self) -> None:
        """Faults end."""
        self.calm = True
        self.node.faults = NONE
        for worker in self.workers:
            worker.hurries = True
            self.run_worker(worker)

    # --- what is watched -------------------------------------------------------------------------------------------------

    def _check_commit(self) -> None:
        place = "nowhere" if self.current is None else self.current.place
        if not place.endswith(".before_commit"):
            raise Unlisted(f"a commit of settlement lies outside of every failpoint; the last one was {place}")

    def _check_call(self, wanted: str) -> None:
        if self.current is not None and self.current.place != wanted:
            raise Unlisted(f"a call of the node lies outside of its failpoints; the last one was {self.current.place}")

    def _mishap(self) -> str | None:
        chance = 1.0 if self.calm else self.dice.random()
        if chance < self.plan.busy:
            return self.dice.choice(("before", "after"))
        return None

    def _hear_send(self, sent: Sent) -> None:
        """Every transaction that arrives at the node was stored before, within the ceiling (I6, I12)."""
        row = self.file.execute("select raw from attempts where hash = ?", (sent.hash,)).fetchone()
        assert row is not None, "a transaction was sent that is not stored"
        assert row["raw"] == sent.raw, "a transaction was sent that is stored otherwise"
        assert sent.body.max_fee_per_gas <= MAX_FEE, "a transaction was sent above the fee ceiling"
        self.sent[sent.hash] = sent
