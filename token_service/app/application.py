"""One deployment, opened: settings, database, keys, clock and ledger context. Commands, web server and worker start from here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from ulid import ULID

from token_service import worker
from token_service.app.clock import open_clock
from token_service.app.logs import configure_logs
from token_service.app.signing import signer_maker
from token_service.chain.node import HttpNode, Node
from token_service.chain.ownership import ChainLock
from token_service.chain.rpc_calls import counting
from token_service.chain.services import ChainServices, Failpoint, SettlementLimits, pass_by
from token_service.chain.settlement import check_chain
from token_service.chain.settlement.failpoints import WatchedNode, die_at
from token_service.chain.settlement.figures import FigureSources
from token_service.chain.settlement.startup import recorded_identity
from token_service.config import Settings, load_settings
from token_service.custody.accounts import new_account
from token_service.custody.key_ring import KeyRing, open_keys
from token_service.custody.signer import Signer
from token_service.errors import ChainMissing, ChainOwned, NotInitialised, TryAgain
from token_service.ledger.admin_operations import unfinished
from token_service.ledger.context import Context, NewAccount
from token_service.ledger.program_setup import get_program
from token_service.ledger.rulesets import ruleset_in_force
from token_service.ledger.store import Store, open_store
from token_service.ledger.tally import Tally
from token_service.ledger.views import Program
from token_service.migrations import require_current
from token_service.program.ruleset import parse_ruleset

SALT_KEY_BYTES = 32
POLL_SECONDS = 0.2
AWAY_SECONDS = 2.0

log = structlog.get_logger("worker")


@dataclass(frozen=True)
class Application:
    """Everything that is open. Use it as a context manager; it closes the database."""

    settings: Settings
    keys: KeyRing
    context: Context
    make_signer: Callable[[str | None], Signer]
    """Who signs for the contract: this process, or the one behind MEREAU_SIGNER_SOCKET."""
    failpoint: Failpoint = pass_by
    """For tests: kills this process at the place that MEREAU_FAILPOINT names."""
    tally: Tally = field(default_factory=Tally)
    """What this process counts for /metrics, if it settles."""

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.dispose()

    @property
    def store(self) -> Store:
        return self.context.store

    @property
    def chain_path(self) -> Path:
        return self.settings.data_dir / "chain.db"

    @property
    def has_many_workers(self) -> bool:
        """Whether several processes may settle at once: PostgreSQL shares the work among them, and the chain is nobody's."""
        return not self.settings.embedded and not self.store.is_sqlite

    def check_chain_file(self) -> None:
        """Raises ChainMissing when the embedded chain is not in the data folder (an empty one would be made in its place)."""
        if self.settings.embedded and not self.chain_path.is_file():
            raise ChainMissing(f"{self.chain_path} is missing: restore it from a backup (or what you moved away)")

    def program(self) -> Program:
        """The programme. Raises NotInitialised."""
        return get_program(self.context)

    def time_zone(self) -> ZoneInfo:
        """The programme's zone, as the ruleset in force says."""
        ruleset = parse_ruleset(ruleset_in_force(self.context, self.context.now()).document)
        return ZoneInfo(ruleset.program.time_zone)

    def chain_lock(self) -> ChainLock:
        """Who holds it owns the chain's file and does the settling in this folder."""
        return ChainLock(self.settings.data_dir / "chain.lock")

    @contextmanager
    def node(self) -> Iterator[Node]:
        """The chain's node: the embedded chain (the caller owns its lock), or the one that MEREAU_RPC_URL names."""
        if self.settings.rpc_url is not None:
            http = HttpNode(
                self.settings.rpc_urls, identity=recorded_identity(self.store), observer=counting(self.tally)
            )
            try:
                yield http
            finally:
                http.close()
            return
        # py-evm takes most of a second to import: only who needs the chain pays for it
        from token_service.chain.embedded import EmbeddedChain
        from token_service.chain.embedded_node import EmbeddedNode

        self.check_chain_file()
        chain = EmbeddedChain(
            self.chain_path,
            clock=lambda: int(self.context.now().timestamp()),
            is_instant=self.settings.clock is not None,  # a clock that stands still would hold up every block
        )
        try:
            yield EmbeddedNode(chain)
        finally:
            chain.close()

    def chain_services(self, node: Node) -> ChainServices:
        """What settlement needs, on this node."""
        program = self.program()
        settings = self.settings
        return ChainServices(
            context=self.context,
            node=WatchedNode(node, self.failpoint),
            make_signer=self.make_signer,
            operator=self.keys.operator_address,
            admin=self.keys.admin_address,
            chain_id=program.chain_id,
            contract=program.contract,
            receipts_dir=settings.data_dir / "receipts",
            seal_opening=self.keys.salt_box().seal_opening,
            monotonic=time.monotonic,
            depth=0 if settings.embedded else settings.confirmations,
            finality_witnesses=settings.finality_witnesses if not settings.embedded else 1,
            embedded=settings.embedded,
            limits=SettlementLimits(
                batch_entries=settings.batch_entries,
                max_fee_per_gas=settings.max_fee_wei,
                gas_budget_per_day=settings.gas_budget_wei,
                stale_after_seconds=settings.stale_after.total_seconds(),
            ),
            failpoint=self.failpoint,
            tally=self.tally,
        )

    @contextmanager
    def working(
        self, lock: ChainLock | None = None, waits: threading.Event | None = None
    ) -> Iterator[worker.WorkerServices]:
        """The worker's services, for whoever does the settling in this folder (on PostgreSQL and a node any number of processes
        may); the chain is checked first.

        `lock` is one that is held already. With `waits`, a node or database that is away is waited for until the event is set.
        Raises ChainOwned if somebody does the settling, ChainOlderThanLedger, WrongChain,
        WrongContract, NodeUnreachable.
        """
        own = nullcontext() if self.has_many_workers else self.chain_lock()
        with lock or own, self.node() as node:
            chain = self._checked_chain(node, waits)
            seconds = self.settings.batch_wait.total_seconds()
            every = self.settings.reconcile_every.total_seconds()
            figures = FigureSources(self.tally, lambda: self.make_signer(None).counts())
            yield worker.WorkerServices(chain, batch_seconds=seconds, reconcile_seconds=every, figures=figures)

    @contextmanager
    def asking(self) -> Iterator[ChainServices]:
        """What settlement reads, beside whoever settles, for a person's decision; it must not send anything."""
        with self.reading_node() as node:
            yield self.chain_services(node)

    @contextmanager
    def reading_node(self) -> Iterator[Node]:
        """A node to read from, whoever owns the chain: the embedded chain as it is at this moment, or the operator's node."""
        if not self.settings.embedded:
            with self.node() as node:
                yield node
            return
        from token_service.chain.embedded import EmbeddedReader
        from token_service.chain.rpc_facade import snapshot_node

        self.check_chain_file()
        reader = EmbeddedReader(self.chain_path)
        try:
            with snapshot_node(reader) as node:
                yield node
        finally:
            reader.close()

    def _checked_chain(self, node: Node, waits: threading.Event | None) -> ChainServices:
        is_said = False
        while True:
            try:
                return check_chain(self.chain_services(node))
            except TryAgain as error:
                if waits is None or waits.is_set():
                    raise
                if not is_said:
                    log.warning("worker_waits", reason=error.code, detail=error.detail)
                is_said = True
                waits.wait(AWAY_SECONDS)

    def settle(self, timeout_seconds: float) -> None:
        """Returns when nothing is unsettled. Does the settling itself, or waits for the `serve` that does.

        Raises TryAgain when the time is up.
        """
        try:
            with self.working() as services:
                left = worker.settle_until_idle(services, timeout_seconds)
        except ChainOwned:
            left = worker.wait_until_settled(self.store, self.context.now, timeout_seconds)
        if not left.is_settled:
            raise _not_settled(timeout_seconds)

    def settle_administration(self, timeout_seconds: float = 60) -> None:
        """Returns when every administrative order is on the chain (or has failed), whoever sends them."""
        if not unfinished(self.store):
            return
        try:
            with self.working() as services:
                worker.settle_until_idle(services, timeout_seconds)
        except ChainOwned:
            until = time.monotonic() + timeout_seconds
            while unfinished(self.store):
                if time.monotonic() > until:
                    raise _not_settled(timeout_seconds) from None
                time.sleep(POLL_SECONDS)


def _not_settled(timeout_seconds: float) -> TryAgain:
    return TryAgain(f"not settled after {timeout_seconds:.0f} s; `mereau doctor` says what it waits for")


def open_application(settings: Settings | None = None) -> Application:
    """The deployment in the data folder. Raises NotInitialised, BadSettings (also when migrations are due)."""
    settings = settings or load_settings()
    configure_logs(settings.log_level)
    if not settings.data_dir.is_dir():
        raise NotInitialised(f"There is nothing in {settings.data_dir} yet: run `mereau init`")
    application = assemble(settings, open_keys(settings.data_dir / "keys", settings.passphrase))
    require_current(application.store)
    application.program()
    return application


def assemble(settings: Settings, keys: KeyRing) -> Application:
    """The parts put together; nothing is checked and nothing is read but the keys. What is written is its owner's alone."""
    os.umask(0o077)
    clock = open_clock(settings.clock)
    failpoint = pass_by if settings.failpoint is None else die_at(settings.failpoint)
    context = _context(settings, keys, clock)
    return Application(settings, keys, context, signer_maker(settings, keys.vault(), context), failpoint)


def _context(settings: Settings, keys: KeyRing, clock: Callable[[], datetime]) -> Context:
    salts = keys.salt_box()
    keys.sealing_public()

    def fresh_account() -> NewAccount:
        account = new_account(keys.sealing_public())  # read each time: it changes while the service runs
        return NewAccount(account.address, account.sealed_key, salts.seal(os.urandom(SALT_KEY_BYTES)))

    return Context(
        store=open_store(settings.ledger_url),
        now=clock,
        new_id=lambda prefix: f"{prefix}_{ULID.from_datetime(clock())}",
        random_bytes=os.urandom,
        promise_signer=keys.promise_signer(),
        salts=salts,
        new_account=fresh_account,
        settle_within=settings.settle_within,
        backlog_limit=settings.backlog_max,
    )
