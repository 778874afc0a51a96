"""A chain node that does not answer: the service starts, takes entries, and stops in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class PoorNode(BaseHTTPRequestHandler):
    """A node on which nobody has any money."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        result = {"eth_chainId": "0x7a69"}.get(asked["method"], "0x0")
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def node() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), PoorNode)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def command(folder: Path, port: int, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
    settings = {"MEREAU_DATA_DIR": str(folder), "MEREAU_RPC_URL": f"http://127.0.0.1:{port}"}
    return [sys.executable, "-m", "token_service", *arguments], environment | settings


def run(folder: Path, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    line, environment = command(folder, port, *arguments)
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            time.sleep(0.1)
    return False


def test_deploying_without_money_names_the_accounts(tmp_path: Path, node: ThreadingHTTPServer) -> None:
    port = node.server_address[1]
    assert run(tmp_path, port, "init").returncode == 0
    refused = run(tmp_path, port, "deploy")
    assert (refused.returncode, "fund the operator 0x" in refused.stderr) == (78, True)


def test_serve_waits_for_a_node_that_is_away(tmp_path: Path) -> None:
    line, environment = command(tmp_path, 0, "init")
    environment.pop("MEREAU_RPC_URL")  # the contract is deployed, on whatever chain
    subprocess.run(line, env=environment, check=True, timeout=120, stdout=subprocess.DEVNULL)
    port = free_port()
    line, environment = command(tmp_path, free_port(), "serve", "--port", str(port))
    with subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        awaited = {"worker_waits", "Serving on"}
        for said in service.stderr:
            awaited = {words for words in awaited if words not in said}
            if not awaited:
                break
        assert answers(f"http://127.0.0.1:{port}/readyz")
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
