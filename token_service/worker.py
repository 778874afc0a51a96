"""The worker: does what is due and settles what is recorded, for as long as the service runs (DESIGN §2, §5).

It owns the chain. Each pass does every step once; a node or a database that is away is waited for, and said once. Nothing that
could name a member is ever logged.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Final

import structlog

from token_service.chain import admin_operations
from token_service.chain.node import all_health
from token_service.chain.projection import end_pause_that_is_over
from token_service.chain.reconciling import reconcile_some
from token_service.chain.services import ChainServices
from token_service.chain.settlement import PushMemory, finalize, index, plan, push, send_anew, track
from token_service.chain.settlement.backlog import backlog
from token_service.chain.settlement.batch_news import BatchWatch
from token_service.chain.settlement.bumping import bump
from token_service.chain.settlement.figures import FigureKeeper, FigureSources
from token_service.chain.settlement.lanes import has_unsettled, read_lane, read_lanes
from token_service.chain.settlement.leases import Leases, Share
from token_service.chain.settlement.mandates import advance_mandates
from token_service.chain.settlement.patience import SignerPatience
from token_service.chain.settlement.planning import waiting_count
from token_service.chain.settlement.resuming import resume
from token_service.chain.settlement.retiring import retire
from token_service.chain.settlement.staleness import ChainWatch, watch_chain
from token_service.errors import DiskFull, LaneHalted, MereauError, NodeUnreachable, RpcError, TryAgain, WrongChain
from token_service.ledger.context import Context
from token_service.ledger.due import DueRun, go_on, next_due_at
from token_service.ledger.settlement_health import Backlog
from token_service.ledger.store import Store

IDLE_SECONDS: Final = 0.2
"""Pause after a pass that found nothing to do; grows to IDLE_SECONDS_MAX."""
IDLE_SECONDS_MAX: Final = 0.5
AWAY_SECONDS: Final = 0.5
AWAY_SECONDS_MAX: Final = 15.0
"""Pauses while the node or the database is away; they double."""
DUE_SECONDS: Final = 1.0
DUE_SECONDS_MAX: Final = 30.0
"""Pause between looks at what is due; it doubles while all of that must wait (for a ceiling's next window, say)."""
DUE_CHUNKS: Final = 12
"""How many chunks of what is due are done in one pass, each of some hundred members: the points of a million may expire in one
night, and neither batches nor this worker's lease can wait for that. Twelve are enough for a round when little is due.
"""
BATCHES_PER_PASS: Final = 3
"""Of each lane, while enough waits: what a pass looks at besides costs as much as half a batch."""
BATCH_SECONDS: Final = 1.0
RECONCILE_SECONDS: Final = 300.0

WAIT_FOR: Final = (TryAgain, RpcError, LaneHalted, DiskFull, WrongChain)
"""Errors that may pass while the worker waits: everything else stops it, for a person to look. A node of another chain is refused
at the start; later it is a provider's mistake, and nothing is read from it or sent to it.
"""

UNSAID: Final = frozenset({"state", "was"})
"""Of a batch's news: its event says it."""

log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """What the worker is given. A batch that is not full closes `batch_seconds` after its first leaf was seen; ledger and chain
    are compared every `reconcile_seconds`. `figures` are written down for /metrics, if there are any.
    """

    chain: ChainServices
    batch_seconds: float = BATCH_SECONDS
    reconcile_seconds: float = RECONCILE_SECONDS
    figures: FigureSources | None = None

    @property
    def context(self) -> Context:
        return self.chain.context


@cache
def worker_name() -> str:
    """A name for this process, unlike any other's."""
    return f"{socket.gethostname()[:20]}:{os.getpid()}:{os.urandom(4).hex()}"


@dataclass(slots=True)
class Worker:
    """Timers between passes. They carry no truth: a new worker starts without them."""

    services: WorkerServices
    memory: PushMemory = field(default_factory=PushMemory)
    leases: Leases = field(default_factory=lambda: Leases(worker_name()))
    waiting_since: dict[int, float] = field(default_factory=dict)  # by lane
    due_at: float = 0.0
    due_pause: float = DUE_SECONDS
    due_run: DueRun | None = None  # what the next pass goes on with
    lane_was: dict[int, str] = field(default_factory=dict)
    chain_watch: ChainWatch = field(default_factory=ChainWatch)
    node_was: dict[str, str] = field(default_factory=dict)  # by label
    batch_watch: BatchWatch = field(default_factory=BatchWatch)
    figures: FigureKeeper = field(init=False)

    def __post_init__(self) -> None:
        self.figures = FigureKeeper(self.services.figures)

    patience: SignerPatience = field(default_factory=SignerPatience)
    reconcile_at: float | None = None

    def run_pass(self, *, flush: bool = False) -> int:
        """Every step of this worker's share once; how much there was to do. Raises what the steps raise, the database is
        consistent in any case."""
        chain = self.services.chain
        share = self.leases.look(chain)
        done = 0
        if self.batch_watch.newest is None:
            self._tell_batches(share)  # the beginning: what happened before is no news
        if share.chain:
            watch_chain(chain, self.chain_watch)
            self._watch_nodes()
            done += self._do_due()
            end_pause_that_is_over(chain)
            done += self._signing("mandates", lambda: advance_mandates(chain))
            done += self._signing("administration", lambda: admin_operations.advance(chain))
        for number in share.lanes:
            done += self._signing(f"lane {number}", partial(self._fill, number, flush=flush))
        accounts = self._accounts(share)
        done += self._signing("fees", lambda: bump(chain, self.memory, accounts))
        done += push(chain, self.memory, accounts)
        if share.chain:
            done += index(chain)
            done += track(chain)
            done += finalize(chain)
            self._reconcile()
        self._watch_lanes(share)
        self.figures.keep(chain, has_chain=share.chain)
        if done or self.batch_watch.seen:
            self._tell_batches(share)
        return done

    def _signing(self, step: str, work: Callable[[], int]) -> int:
        return self.patience.attempt(step, self.services.chain.monotonic(), work)

    def _reconcile(self) -> None:
        """From time to time; the first time when the worker has run for that long."""
        chain = self.services.chain
        now = chain.monotonic()
        if self.reconcile_at is None:
            self.reconcile_at = now + self.services.reconcile_seconds
        if now < self.reconcile_at or chain.contract is None:
            return
        self.reconcile_at = now + self.services.reconcile_seconds
        try:
            reconcile_some(chain.context, chain.node, chain.contract, chain.failpoint)
        except (NodeUnreachable, RpcError) as error:  # settling goes on; the next round may succeed
            log.warning("reconciliation_failed", reason=error.code, detail=error.detail)

    def give_back(self) -> None:
        """Lets other workers take over at once; a lease ends by itself otherwise."""
        with suppress(TryAgain):
            self.leases.give_back(self.services.chain)

    def _fill(self, number: int, *, flush: bool) -> int:
        """What a lane does before anything is sent."""
        chain = self.services.chain
        with chain.store.ask() as connection:
            lane = read_lane(connection, number)
        done = retire(chain, number) if lane.is_retiring else 0
        done += resume(chain, number) if lane.state == "blocked" else 0
        done += send_anew(chain, number) is not None
        planned = 0
        while planned < BATCHES_PER_PASS and self._plan(number, flush=flush):
            planned += 1
        return done + planned

    def _accounts(self, share: Share) -> list[str]:
        """Whose transactions this worker sends."""
        with self.services.chain.store.ask() as connection:
            operators = {lane.number: lane.operator for lane in read_lanes(connection)}
        own = [operators[number] for number in share.lanes]
        return [*own, self.services.chain.admin] if share.chain else own

    def _watch_lanes(self, share: Share) -> None:
        """Says once when a lane stops and when it goes on."""
        with self.services.chain.store.ask() as connection:
            found = [lane for lane in read_lanes(connection) if lane.number in share.lanes]
        for lane in found:
            if lane.state != self.lane_was.get(lane.number, "active"):
                log.warning("lane_changed", lane=lane.number, state=lane.state, code=lane.code, reason=lane.reason)
            self.lane_was[lane.number] = lane.state

    def _tell_batches(self, share: Share) -> None:
        """Says what became of batches, so that a purchase can be followed from request to block (docs/operators.md)."""
        with self.services.chain.store.read() as connection:
            news = self.batch_watch.look(connection, share.lanes)
            self.figures.count(news, connection, self.services.chain.now())
        for one in news:
            fields = {name: value for name, value in asdict(one).items() if value is not None and name not in UNSAID}
            log.info(f"batch_{one.state}", **fields)

    def _watch_nodes(self) -> None:
        """Says once when one of several nodes fails, lags or turns out to be of another chain, and when it is well again."""
        for health in all_health(self.services.chain.node):
            if health.state not in (self.node_was.get(health.label, "well"), "unasked"):
                log.warning("node_changed", node=health.label, state=health.state, head=health.head)
                self.node_was[health.label] = health.state

    def _do_due(self) -> int:
        """Once a second, and only when there is something: looking is cheap, and takes no writer's lock. Not 0 when more is due
        than one pass does.
        """
        now, context = self.services.chain.monotonic(), self.services.context
        if now < self.due_at:
            return 0
        is_idle = False
        due_at = next_due_at(context) if self.due_run is None else None
        if self.due_run is not None or (due_at is not None and due_at <= self.services.chain.now()):
            run = go_on(context, self.due_run or DueRun(), DUE_CHUNKS)
            self.due_run = None if run.is_over else run
            if not run.is_over:
                return DUE_CHUNKS
            is_idle = run.report.is_idle
        self.due_pause = min(DUE_SECONDS_MAX, self.due_pause * 2) if is_idle else DUE_SECONDS
        self.due_at = now + self.due_pause
        return 0

    def _plan(self, number: int, *, flush: bool) -> bool:
        """Whether a batch was planned."""
        chain = self.services.chain
        with chain.store.read() as connection:
            waiting = waiting_count(connection, chain.now(), chain.limits.batch_entries, number)
        now = chain.monotonic()
        if not waiting:
            self.waiting_since.pop(number, None)
            return False
        since = self.waiting_since.setdefault(number, now)
        batch_id = plan(chain, number, flush=flush or now - since >= self.services.batch_seconds)
        if batch_id is None:
            return False
        self.waiting_since.pop(number, None)
        log.info("batch_planned", batch_id=batch_id, lane=number)
        return True


def run_worker(services: WorkerServices, stop: threading.Event) -> None:
    """Returns soon after `stop` is set.

    Raises what no waiting mends: ChainOlderThanLedger, PolicyRefused, InvariantBroken, … Then a person must look.
    """
    worker = Worker(services)
    away: str | None = None
    away_pause, idle_pause = AWAY_SECONDS, IDLE_SECONDS
    while not stop.is_set():
        try:
            done = worker.run_pass()
        except WAIT_FOR as error:
            if away != error.code:
                log.warning("worker_waits", reason=error.code, detail=error.detail)
            away = error.code
            stop.wait(away_pause)
            away_pause = min(AWAY_SECONDS_MAX, away_pause * 2)
            continue
        except MereauError as error:
            log.error("worker_stops", reason=error.code, detail=error.detail)
            raise
        if away is not None:
            log.info("worker_goes_on", after=away)
            away, away_pause = None, AWAY_SECONDS
        idle_pause = IDLE_SECONDS if done else min(IDLE_SECONDS_MAX, idle_pause * 1.2)
        if not done:
            stop.wait(idle_pause)
    worker.give_back()


def settle_until_idle(services: WorkerServices, timeout_seconds: float) -> Backlog:
    """Settles everything that can be; returns what is left, nothing if `is_settled`. For the owner of the chain.

    Raises what the steps raise, but waits for a node or database that is away until the time is up; LaneHalted at once.
    """
    worker = Worker(services)
    try:
        return _settle_until_idle(worker, services.chain, timeout_seconds)
    finally:
        worker.give_back()


def _settle_until_idle(worker: Worker, chain: ChainServices, timeout_seconds: float) -> Backlog:
    deadline = chain.monotonic() + timeout_seconds
    while True:
        try:
            done = worker.run_pass(flush=True)
        except WAIT_FOR:
            if chain.monotonic() >= deadline:
                raise
            done = 0
        is_late = chain.monotonic() >= deadline
        if done and not is_late:
            continue
        raise_if_halted(chain.store)
        left = read_backlog(chain.store, chain.now)
        if left.is_settled or is_late:
            return left
        time.sleep(0.02)


def wait_until_settled(store: Store, now: Callable[[], datetime], timeout_seconds: float) -> Backlog:
    """What is left when nothing is unsettled any more or the time is up. For a command beside a running worker.

    Raises LaneHalted: then a person must look first.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        raise_if_halted(store)
        left = read_backlog(store, now)
        if left.is_settled or time.monotonic() >= deadline:
            return left
        time.sleep(0.1)


def read_backlog(store: Store, now: Callable[[], datetime]) -> Backlog:
    with store.read() as connection:
        return backlog(connection, now())


def raise_if_halted(store: Store) -> None:
    """Raises LaneHalted with the reason if a lane waits for a person, and entries wait in it."""
    with store.read() as connection:
        for lane in read_lanes(connection):
            if lane.state == "halted" and has_unsettled(connection, lane.number):
                raise LaneHalted(f"settlement is halted: {lane.reason}", operator=lane.operator, reason=lane.reason)
