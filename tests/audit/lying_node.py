"""A node that passes everything on to a true one, and may bend answers on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

Bend = Callable[[str, list[Any], Any], Any]
"""(method, parameters, true JSON-RPC answer) → the answer that the auditor gets."""


class Refusal(Exception):
    """Raised by a bend: answer this HTTP status, or this body, instead."""

    def __init__(self, status: int = 200, body: bytes = b"") -> None:
        super().__init__(status)
        self.status, self.body = status, body


@contextmanager
def lying_node(true_url: str, bend: Bend) -> Iterator[str]:
    """The URL of a node that answers as `bend` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(raw)
            true = requests.post(true_url, data=raw, headers={"Content-Type": "application/json"}, timeout=30).json()
            try:
                if isinstance(body, list):
                    by_id = {answer["id"]: answer for answer in true}
                    answer: Any = [bend(c["method"], c["params"], by_id[c["id"]]) for c in body]
                else:
                    answer = bend(body["method"], body["params"], true)
                status, content = 200, json.dumps(answer).encode()
            except Refusal as refusal:
                status, content = refusal.status, refusal.body
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with running(Handler) as url:
        yield url


@contextmanager
def serving(documents: Mapping[str, object]) -> Iterator[str]:
    """The base URL of a service that answers GET with these documents by path, and 404 for others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(documents.get(self.path)).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with running(Handler) as url:
        yield url


@contextmanager
def running(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
