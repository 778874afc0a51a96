"""An HTTP proxy in front of a JSON-RPC node that fails as told, method by method. It keeps every raw transaction it was given.

`python fault_proxy.py NODE_URL` is one in a process of its own, for tests that kill it; it says its URL.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import requests

ANY: Final = "*"
SEND: Final = "eth_sendRawTransaction"


class Fault(StrEnum):
    """What goes wrong with a call. Only those that end in AFTER reach the node."""

    TIMEOUT_AFTER = "timeout after accept"
    RESET_AFTER = "reset after accept"
    HTML_AFTER = "html after accept"
    TRUNCATED_AFTER = "truncated after accept"
    UNAVAILABLE = "503"
    RATE_LIMITED = "429"
    HTML = "html"
    HANG = "hang"
    DRIP = "drip"
    RESET = "reset"

    @property
    def reaches_the_node(self) -> bool:
        return self.name.endswith("_AFTER")


class FaultProxy:
    """`plan` lines up faults for a method's next calls, `always` sets one until it is lifted; ANY stands for every method."""

    def __init__(self, node_url: str) -> None:
        self.node_url = node_url
        self.calls: list[str] = []
        self.raws: list[bytes] = []
        self.delivered: list[bytes] = []
        self._planned: dict[str, deque[Fault]] = defaultdict(deque)
        self._standing: dict[str, Fault] = {}
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False
        self.let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def plan(self, method: str, *faults: Fault) -> None:
        with self._lock:
            self._planned[method].extend(faults)

    def always(self, method: str, fault: Fault | None) -> None:
        """From now on, until it is set to None."""
        with self._lock:
            if fault is None:
                self._standing.pop(method, None)
            else:
                self._standing[method] = fault

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._planned.clear()
            self._standing.clear()

    @property
    def is_through(self) -> bool:
        """Whether every planned fault has happened."""
        with self._lock:
            return not any(self._planned.values())

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._session.close()

    def fault_of(self, calls: list[dict[str, Any]]) -> Fault | None:
        """Notes the calls of one request; what is to go wrong with it."""
        with self._lock:
            for call in calls:
                self.calls.append(str(call.get("method")))
                if call.get("method") == SEND:
                    self.raws.append(bytes.fromhex(call["params"][0][2:]))
            for method in [str(call.get("method")) for call in calls] + [ANY]:
                if self._planned[method]:
                    return self._planned[method].popleft()
                if method in self._standing:
                    return self._standing[method]
        return None

    def forward(self, body: bytes, calls: list[dict[str, Any]]) -> bytes:
        answer = self._session.post(
            self.node_url, data=body, headers={"Content-Type": "application/json"}, timeout=30
        ).content
        with self._lock:
            self.delivered += [bytes.fromhex(call["params"][0][2:]) for call in calls if call.get("method") == SEND]
        return answer


@contextmanager
def fault_proxy(node_url: str) -> Iterator[FaultProxy]:
    """A running proxy; whoever still hangs at the end is let go."""
    proxy = FaultProxy(node_url)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(timeout=5)


@contextmanager
def proxy_process(node_url: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a faultless proxy, and its process to kill."""
    command = [sys.executable, __file__, node_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parsed = json.loads(body)
            calls = parsed if isinstance(parsed, list) else [parsed]
            fault = proxy.fault_of(calls)
            answer = b""
            if fault is None or fault.reaches_the_node:
                try:
                    answer = proxy.forward(body, calls)
                except requests.RequestException:
                    fault = Fault.RESET
            self._reply(fault, answer)

        def _reply(self, fault: Fault | None, answer: bytes) -> None:
            if fault is None:
                self._say(200, "application/json", answer)
            elif fault in (Fault.UNAVAILABLE, Fault.RATE_LIMITED):
                self._say(int(fault.value), "text/plain", b"not now")
            elif fault in (Fault.HTML, Fault.HTML_AFTER):
                self._say(200, "text/html", b"<html><body>Bad gateway</body></html>")
            elif fault is Fault.TRUNCATED_AFTER:
                self._say(200, "application/json", answer[: len(answer) // 2])
            elif fault is Fault.DRIP:
                self._drip()
            elif fault in (Fault.HANG, Fault.TIMEOUT_AFTER):
                proxy.let_go.wait(30)
                self.close_connection = True
            else:
                self._reset()

        def _say(self, status: int, kind: str, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the caller has given up
                self.close_connection = True

        def _drip(self) -> None:
            """A byte at a time, so that no wait for the next one is ever long."""
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            try:
                while not proxy.let_go.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                pass
            self.close_connection = True

        def _reset(self) -> None:
            linger = struct.pack("ii", 1, 0)  # closing sends RST instead of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()

        def log_message(self, *_: object) -> None:
            """Silence."""

    return Handler


if __name__ == "__main__":
    alone = FaultProxy(sys.argv[1])
    sys.stdout.write(f"{alone.url}\n")
    sys.stdout.flush()
    alone.serve()
