"""The life of `serve`: start, SIGTERM, kill -9 of each of its processes, a second start (recipes §3)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from token_service.chain.embedded import ChainLock

HERE = Path(__file__).parent
SERVE = """
import sys
from pathlib import Path
from token_service.cli import exit_code
from token_service.cli.serve import Serving, serve
from token_service.errors import MereauError
lock, port, worker = sys.argv[1:]
try:
    sys.exit(serve(Serving(Path(lock), "127.0.0.1", int(port), web="serving_targets:create_application",
                           worker="serving_targets:" + worker)))
except MereauError as error:
    print(error.detail, file=sys.stderr)
    sys.exit(exit_code(error))
"""
PATIENCE_SECONDS = 20


class Served:
    """One running `serve` in a folder."""

    def __init__(self, folder: Path, port: int, worker: str = "mine_until_stopped") -> None:
        self.folder, self.port = folder, port
        for name in ("web.pid", "worker.pid", "slow.begun"):
            (folder / name).unlink(missing_ok=True)
        self.log = (folder / "log").open("ab+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder / "chain.lock"), str(port), worker],
            env={
                "PYTHONPATH": f"{HERE.parents[1]}:{HERE}",
                "PATH": "/usr/bin:/bin",
                "MEREAU_TEST_FOLDER": str(folder),
            },
            stderr=self.log,
        )

    def head(self, path: str = "/") -> int:
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        found = requests.post(f"http://127.0.0.1:{self.port}{path}", json=body, timeout=10).json()
        return int(found["result"], 16)

    def is_up(self) -> bool:
        try:
            return self.head() > 6
        except (requests.RequestException, KeyError):
            return False

    def pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def words(self) -> str:
        self.log.seek(0)
        return self.log.read().decode()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def is_port_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@contextmanager
def serving(folder: Path, port: int, **options: Any) -> Iterator[Served]:
    served = Served(folder, port, **options)
    try:
        yield served
    finally:
        served.process.kill()
        served.process.wait()
        served.log.close()


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_order_to_stop_lets_what_is_in_flight_end(tmp_path: Path, port: int, order: signal.Signals) -> None:
    with serving(tmp_path, port) as served:
        until(served.is_up)
        answers: list[int] = []
        slow = threading.Thread(target=lambda: answers.append(served.head("/slow")))
        slow.start()
        until((tmp_path / "slow.begun").exists)
        children = [served.pid("web"), served.pid("worker")]
        served.process.send_signal(order)
        assert served.wait() == 0
        slow.join()
        assert len(answers) == 1
        assert "worker stopped cleanly" in served.words()
        until(lambda: not any(is_alive(pid) for pid in children))
        until(lambda: is_port_free(port))
        ChainLock(tmp_path / "chain.lock").acquire().release()


def test_kill_9_of_main_leaves_no_orphan_and_the_chain_goes_on(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as served:
        until(served.is_up)
        children = [served.pid("web"), served.pid("worker")]
        before = served.head()
        served.process.kill()
        assert served.wait() == -signal.SIGKILL
        until(lambda: not any(is_alive(pid) for pid in children))
        until(lambda: is_port_free(port))
    with serving(tmp_path, port) as again:
        until(lambda: again.is_up() and again.head() > before)
        again.process.terminate()
        assert again.wait() == 0


@pytest.mark.parametrize("victim", ["worker", "web"])
def test_the_death_of_a_child_ends_all(tmp_path: Path, port: int, victim: str) -> None:
    with serving(tmp_path, port) as served:
        until(served.is_up)
        children = [served.pid("web"), served.pid("worker")]
        before = served.head()
        os.kill(served.pid(victim), signal.SIGKILL)
        assert served.wait() == 1
        until(lambda: not any(is_alive(pid) for pid in children))
        until(lambda: is_port_free(port))
    with serving(tmp_path, port) as again:
        until(lambda: again.is_up() and again.head() > before)


def test_a_second_start_is_refused_with_a_sentence(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as served:
        until(served.is_up)
        with serving(tmp_path, port + 1) as second:
            assert second.wait() == 75
        assert f"Process {served.process.pid} owns the chain" in served.words()
        assert served.is_up()


def test_a_taken_port_is_refused_with_a_sentence(tmp_path: Path, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with serving(tmp_path, port) as served:
            assert served.wait() == 78
            assert "choose another --port" in served.words()


def test_a_worker_that_cannot_start_ends_all_with_its_code(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port, worker="fail_at_once") as served:
        assert served.wait() == 78
        assert "nothing here" in served.words()
        until(lambda: is_port_free(port))


def test_sigterm_right_after_the_start_is_heeded(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as served:
        until(lambda: (tmp_path / "chain.lock").exists() and (tmp_path / "chain.lock").read_text() != "")
        served.process.terminate()
        assert served.wait() == 0
        until(lambda: is_port_free(port))
        ChainLock(tmp_path / "chain.lock").acquire().release()
