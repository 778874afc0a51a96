"""The product as its processes, with all that can fail within reach: node and database behind wires, a signer, web, workers, and
tills that never stop asking."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
from databases import PostgreSQL
from deployments import COMMAND, Deployment
from fault_proxy import FaultProxy, fault_proxy
from restartable import RestartableAnvil, restartable_anvil
from sqlalchemy import make_url
from tills import Journal, Till
from wires import DatabaseWire, database_wire

from token_service.app.application import Application, open_application
from token_service.config import load_settings

MEMBERS = 8
CONFIRMATIONS = 4
MAX_FEE_GWEI = 40
PLAIN = "postgresql://"
PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Copy:
    """A dump of the ledger, and how many answers the tills had before it was begun: all of these are in it."""

    path: Path
    answered: int


@dataclass
class Town:
    """`books` is a look at ledger and keys past all wires; the tills' `journal` is what must never be lost."""

    deployment: Deployment
    postgresql: PostgreSQL
    database_url: str
    anvil: RestartableAnvil
    node_wire: FaultProxy
    database_wire: DatabaseWire
    books: Application
    contract: str
    operators: list[str]
    key: str = ""
    members: list[str] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    signer: subprocess.Popen[bytes] | None = None
    web: subprocess.Popen[bytes] | None = None
    copies: list[Copy] = field(default_factory=list)
    restores: int = 0
    rounds: int = 0
    final: dict[str, tuple[object, ...]] = field(default_factory=dict)  # where each leaf is settled, as last seen

    def worker(self, **settings: str) -> subprocess.Popen[bytes]:
        """One more."""
        process = self._process({f"MEREAU_{name.upper()}": value for name, value in settings.items()}, "worker")
        self.workers.append(process)
        return process

    def start_signer(self) -> None:
        """Returns when it listens."""
        path = Path(self.deployment.settings["MEREAU_SIGNER_SOCKET"])
        path.unlink(missing_ok=True)
        self.signer = self._process({}, "signer")
        until = time.monotonic() + PATIENCE_SECONDS
        while not path.exists():
            assert time.monotonic() < until, self.deployment.log()[-2000:]
            time.sleep(0.05)

    def kill_signer(self) -> None:
        assert self.signer is not None
        self.signer.kill()
        self.signer.wait(10)

    def _process(self, settings: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
        with (self.deployment.folder / "serve.log").open("ab") as log:
            return subprocess.Popen(
                [*COMMAND, *words], env={**self.deployment.environment, **settings}, stdout=log, stderr=log
            )

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(10)
        self.workers.remove(process)

    def revive(self, wanted: int) -> None:
        """Starts workers until so many live, as whoever runs them would."""
        self.workers = [one for one in self.workers if one.poll() is None]
        while len(self.workers) < wanted:
            self.worker()

    @contextmanager
    def busy(self, tills: int = 2) -> Iterator[None]:
        """The tills work while this lasts; then what they had begun is answered."""
        self.rounds += 1
        over = threading.Event()
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                name = f"{self.rounds}-{number}"
                seed = self.rounds * 100 + number
                Till(name, self.deployment.url, self.key, self.members, self.journal, seed).work(over.is_set)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(tills)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert not failures, failures

    def until_served(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with suppress(requests.RequestException):
                if requests.get(f"{self.deployment.url}/readyz", timeout=2).ok:
                    return
            time.sleep(0.1)
        raise AssertionError(self.deployment.log()[-4000:])

    def enrol(self) -> None:
        self.key = self.deployment.key()
        for number in range(MEMBERS):
            answer = self.deployment.post("/v1/members", {"external_id": f"card-{number}"}, self.key)
            assert answer.status_code == 201, answer.text
            self.members.append(answer.json()["id"])

    @property
    def direct_url(self) -> str:
        """The database past its wire, as PostgreSQL's own programs read it."""
        return self.database_url.replace("postgresql+psycopg://", PLAIN)

    def new_database(self) -> None:
        """An empty one in the place of the ledger's."""
        self.books.store.dispose()
        self.postgresql.drop(self.database_url)
        self.postgresql.execute(f"create database {make_url(self.database_url).database} template template0")

    def start_serving(self) -> None:
        """Signer, web and as many workers as were stopped; returns when it answers."""
        wanted = len(self.workers)
        self.start_signer()
        self.serve()
        self.until_served()
        self.revive(wanted)

    def stop_all(self, *, at_once: bool = False) -> None:
        """Every process, in order or killed."""
        processes = [*self.workers, *(one for one in (self.web, self.signer) if one is not None)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
                process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    def serve(self) -> None:
        self.web = self._process({}, "web", "--port", str(self.deployment.port), "--processes", "2")


@contextmanager
def town(postgresql: PostgreSQL, folder: Path, workers: int = 2) -> Iterator[Town]:
    """Deployed with two lanes, served, with members and running workers."""
    url = postgresql.new_database()
    with ExitStack() as stack:
        stack.callback(postgresql.drop, url)
        anvil = stack.enter_context(restartable_anvil(folder))
        node_wire = stack.enter_context(fault_proxy(anvil.url))
        wire = stack.enter_context(database_wire(url))
        settings = {
            "MEREAU_DATABASE_URL": wire.url.replace("postgresql+psycopg://", PLAIN),
            "MEREAU_RPC_URL": node_wire.url,
            "MEREAU_PUBLIC_RPC_URL": anvil.url,
            "MEREAU_CONFIRMATIONS": str(CONFIRMATIONS),
            "MEREAU_MAX_FEE_GWEI": str(MAX_FEE_GWEI),
            "MEREAU_BATCH_WAIT": "PT0.2S",
            "MEREAU_SIGNER_PER_MINUTE": "100000",
        }
        operators = _founded(Deployment(folder / "var", settings={**settings, "MEREAU_CONFIRMATIONS": "0"}), anvil)
        anvil.keep_time()
        settings["MEREAU_SIGNER_SOCKET"] = str(folder / "signer.sock")
        deployment = Deployment(folder / "var", settings=settings)
        direct = {**deployment.environment, "MEREAU_DATABASE_URL": url.replace("postgresql+psycopg://", PLAIN)}
        books = stack.enter_context(open_application(load_settings({**direct, "MEREAU_RPC_URL": anvil.url})))
        contract = books.program().contract
        assert contract is not None
        made = Town(deployment, postgresql, url, anvil, node_wire, wire, books, contract, operators)
        stack.callback(made.stop_all)
        made.start_signer()
        made.serve()
        made.until_served()
        made.enrol()
        made.revive(workers)
        yield made


def _founded(deployment: Deployment, anvil: RestartableAnvil) -> list[str]:
    founded = deployment.json("init")
    anvil.fund(founded["operator"], founded["admin"])
    done = deployment.run("deploy")
    assert done.returncode == 0, done.stderr
    second = deployment.json("operators", "add")["operator"]
    anvil.fund(second)
    return [founded["operator"], second]
