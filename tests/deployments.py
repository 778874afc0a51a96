"""A deployment of its own for a test, driven from outside: the command `mereau` and HTTP."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import requests

COMMAND = [sys.executable, "-m", "token_service"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def _pattern() -> Path:
    """A deployment with the default rules, made once in this process by `mereau init` itself."""
    folder = Path(tempfile.mkdtemp(prefix="mereau-pattern-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = Deployment(folder / "var").run("init")
    assert done.returncode == 0, done.stderr
    return folder / "var"


def founded(folder: Path) -> Deployment:
    """A deployment as `mereau init` leaves it: a copy, because founding takes five seconds. Never two in one test: both would
    have the same chain and the same keys."""
    shutil.copytree(_pattern(), folder)
    return Deployment(folder)


@dataclass
class Deployment:
    """A data folder and the port where it is served when it is."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
        return {**bare, "MEREAU_DATA_DIR": str(self.folder), "MEREAU_PUBLIC_URL": self.url, **self.settings}

    def run(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """`mereau` with these words; output is kept, nothing is checked."""
        return subprocess.run(
            [*COMMAND, *words], env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    def json(self, *words: str) -> Any:
        """What `mereau … --json` prints; fails the test when it exits with another code than 0."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def key(self, merchant: str = "Boulangerie Paul") -> str:
        return str(self.json("api-key", "create", "--merchant", merchant)["key"])

    def start(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "serve.log").open("ab")
        words = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        server = subprocess.Popen([*COMMAND, *words], env=self.environment, stdout=log, stderr=log)
        log.close()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            assert server.poll() is None, self.log()
            try:
                if requests.get(f"{self.url}/readyz", timeout=2).ok:
                    return server
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.log()}")

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        server = self.start()
        try:
            yield server
        finally:
            stop(server)

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def post(self, path: str, body: object, key: str) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20)

    def get(self, path: str, key: str | None = None) -> requests.Response:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=20)


def stop(server: subprocess.Popen[bytes]) -> int:
    """The exit code after SIGTERM."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    return server.wait(60)


def purchase(reference: str, external_id: str = "card-1", amount: int = 2390) -> dict[str, object]:
    return {
        "reference": reference,
        "external_id": external_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "total": {"amount": amount, "currency": "EUR"},
    }
