"""Several processes on PostgreSQL and a node: workers share the lanes, one is killed, nothing is lost or doubled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from anvil_node import Anvil, running_anvil
from databases import PostgreSQL

from .conftest import COMMAND, Deployment, purchase

PLAIN = "postgresql://"
MEMBERS = 8


@contextmanager
def running(made: Deployment, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `mereau` with these words; ended by SIGTERM, and that must end it cleanly unless it is dead by then."""
    with (made.folder / "serve.log").open("ab") as log:
        process = subprocess.Popen([*COMMAND, *words], env=made.environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        was_alive = process.poll() is None
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        code = process.wait(30)
    assert code == 0 or not was_alive, made.log()


@pytest.fixture
def made(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[tuple[Deployment, Anvil]]:
    """Deployed on a node of its own, with two lanes."""
    url = postgresql.new_database()
    with running_anvil() as anvil:
        settings = {
            "MEREAU_DATABASE_URL": url.replace("postgresql+psycopg://", PLAIN),
            "MEREAU_RPC_URL": anvil.url,
            "MEREAU_PUBLIC_RPC_URL": anvil.url,
            "MEREAU_CONFIRMATIONS": "0",
        }
        deployment = Deployment(tmp_path / "var", settings=settings)
        founded = deployment.json("init")
        anvil.fund(founded["operator"], founded["admin"])
        done = deployment.run("deploy")
        assert done.returncode == 0, done.stderr
        anvil.fund(deployment.json("operators", "add")["operator"])
        yield deployment, anvil
    postgresql.drop(url)


def ready(made: Deployment) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(requests.RequestException):
            if requests.get(f"{made.url}/healthz", timeout=2).ok:
                return
        time.sleep(0.1)
    raise AssertionError(made.log())


def test_two_workers_share_two_lanes_and_one_may_die(made: tuple[Deployment, Anvil]) -> None:
    deployment, anvil = made
    key = deployment.key()
    web = ("web", "--port", str(deployment.port), "--processes", "2")
    with running(deployment, *web), running(deployment, "worker") as doomed, running(deployment, "worker"):
        ready(deployment)
        for n in range(MEMBERS):
            deployment.post("/v1/members", {"external_id": f"card-{n}"}, key).raise_for_status()
        for n in range(60):
            answer = deployment.post("/v1/purchases", purchase(f"ticket-{n}", f"card-{n % MEMBERS}"), key)
            assert answer.status_code == 201, answer.text
            if n == 30:
                os.kill(doomed.pid, signal.SIGKILL)
        again = deployment.post("/v1/purchases", purchase("ticket-3", "card-3"), key)
        assert again.status_code in (200, 409)
        settled = deployment.run("settle", "--wait", "--timeout", "60")
        assert settled.returncode == 0, settled.stderr + deployment.log()
        lanes = deployment.json("lanes")["lanes"]
        contract = deployment.get("/v1/program").json()["contract"]
        audit = deployment.run(
            "audit", "--rpc", anvil.url, "--contract", contract, "--receipts", deployment.url, "--block", "latest"
        )
        assert audit.returncode == 0, audit.stdout + audit.stderr
        compared = deployment.json("reconcile")
        assert compared == {"members": MEMBERS, "mismatches": []}
        text = deployment.get("/metrics").text
        assert 'mereau_lane_state{lane="1",reason="",state="active"} 1.0' in text
        assert re.search(r"^mereau_workers [1-9]", text, re.MULTILINE)
        doctor = deployment.run("doctor")
        assert "settle" in doctor.stdout
    assert [lane["state"] for lane in lanes] == ["active", "active"]
    assert all(
        lane["next_seq"] == lane["chain_seq"] > 1 and lane["next_nonce"] == lane["chain_nonce"] for lane in lanes
    )
    supply = anvil.request("eth_call", {"to": contract, "data": "0x18160ddd"}, "latest")  # totalSupply()
    assert int(supply, 16) == 60 * 23
