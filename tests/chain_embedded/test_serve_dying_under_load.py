"""The whole product, killed with -9 while purchases come in: start again, and ledger and chain agree and go on."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from deployments import founded

ROOT = Path(__file__).parents[2]
MEMBERS = 5
PATIENCE_SECONDS = 60
VICTIMS = ("main", "worker", "web")
DEATHS, DEATHS_IN_SOAK = 3, 200


class Shop:
    """A deployment in a folder, and a till that sends each purchase until it is answered."""

    def __init__(self, folder: Path) -> None:
        self.environment = {"PATH": "/usr/bin:/bin", "MEREAU_DATA_DIR": str(folder / "var"), "PYTHONPATH": str(ROOT)}
        self.folder = founded(folder / "var").folder
        self.log = folder / "serve.log"
        self.key: str = json.loads(self.run("api-key", "create", "--merchant", "Halles", "--json"))["key"]
        self.sent: list[str] = []
        self.occurred_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.server: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", "token_service", *arguments], env=self.environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def serve(self) -> subprocess.Popen[bytes]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "token_service", "serve", "--port", str(port)],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            until(self.is_up)
        except AssertionError as error:
            said = self.log.read_text()[-4_000:]
            raise AssertionError(f"not up; exit code {self.server.poll()}; it said:\n{said}") from error
        return self.server

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def post(self, path: str, **body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=10)

    def get(self, path: str) -> Any:
        return requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.key}"}, timeout=10).json()

    def buy(self, reference: str) -> int:
        """The status; every purchase is 10 EUR, by one member in turn."""
        number = int(reference.split("-")[1]) % MEMBERS
        return self.post(
            "/v1/purchases",
            reference=reference,
            external_id=f"member-{number}",
            occurred_at=self.occurred_at,
            total={"amount": 1000, "currency": "EUR"},
        ).status_code

    def sell_until(self, stop: threading.Event) -> None:
        while not stop.wait(0.005):
            reference = f"purchase-{len(self.sent)}"
            self.sent.append(reference)
            try:
                assert self.buy(reference) == 201
            except requests.RequestException:
                return

    def total_supply(self) -> int:
        call = {"to": self.get("/v1/program")["contract"], "data": "0x18160ddd"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        return int(requests.post(f"{self.url}/rpc", json=body, timeout=10).json()["result"], 16)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def children(pid: int) -> dict[str, int]:
    """The worker and the web process of a `serve`."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        found["worker" if b"worker_process" in command else "web"] = int(child)
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    if found.server is not None:
        found.server.kill()
        found.server.wait()


def die_once(shop: Shop, victim: str, seconds: float) -> None:
    """Serves, sells, and dies under it."""
    server = shop.serve()
    if not shop.sent:
        for number in range(MEMBERS):
            assert shop.post("/v1/members", external_id=f"member-{number}").status_code == 201
    stop = threading.Event()
    till = threading.Thread(target=shop.sell_until, args=(stop,))
    till.start()
    time.sleep(seconds)
    processes = {"main": server.pid, **children(server.pid)}
    os.kill(processes[victim], signal.SIGKILL)
    assert server.wait(PATIENCE_SECONDS) == (-signal.SIGKILL if victim == "main" else 1)
    stop.set()
    till.join()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes.values()))


def nothing_is_lost_or_doubled(shop: Shop) -> None:
    """Whatever was asked for is there once, in the ledger and on the chain; and the auditor finds no fault."""
    server = shop.serve()
    assert {shop.buy(reference) for reference in shop.sent} <= {200, 201}
    shop.run("settle", "--wait")
    balances = [
        shop.get(f"/v1/members/{shop.get(f'/v1/members?external_id=member-{number}')['data'][0]['id']}/balance")
        for number in range(MEMBERS)
    ]
    assert len(shop.sent) > 10
    assert sum(balance["available"] for balance in balances) == 10 * len(shop.sent)
    assert [b["on_chain"]["points"] for b in balances] == [b["available"] for b in balances]
    assert shop.total_supply() == 10 * len(shop.sent)
    shop.run("doctor")
    contract = shop.get("/v1/program")["contract"]
    assert b"All requested checks held." in shop.run(
        "audit", "--rpc", f"{shop.url}/rpc", "--contract", contract, "--receipts", shop.url
    )
    server.terminate()
    assert server.wait(PATIENCE_SECONDS) == 0


@pytest.mark.soak  # of a load in `make test` tests/faults kills each process once
def test_kill_9_at_random_moments_under_load(shop: Shop) -> None:
    """One death of each process, at moments that no two runs share; the chain alone dies ten times in test_embedded_crashes."""
    luck = random.Random()
    for victim in itertools.islice(itertools.cycle(VICTIMS), DEATHS):
        die_once(shop, victim, luck.uniform(0.1, 1.2))
    nothing_is_lost_or_doubled(shop)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_kill_9_two_hundred_times_under_load(shop: Shop) -> None:
    """Compared after every twentieth death."""
    luck = random.Random()
    for number, victim in enumerate(itertools.islice(itertools.cycle(VICTIMS), DEATHS_IN_SOAK), start=1):
        die_once(shop, victim, luck.uniform(0.05, 2.5))
        if number % 20 == 0:
            nothing_is_lost_or_doubled(shop)
