"""Fixtures of the embedded chain's tests: a chain with a clock that stands still, and a programme on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from embedded_programme import Clock, Programme, new_chain

from token_service.chain.embedded import EmbeddedChain, EmbeddedReader
from token_service.chain.rpc_facade import answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedChain]:
    found = new_chain(tmp_path / "chain.db", clock)
    yield found
    found.close()


@pytest.fixture
def programme(chain: EmbeddedChain) -> Programme:
    return Programme.start(chain)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programme]:
    """A programme with three settled batches, shared by the tests of a module: they only read it."""
    chain = new_chain(tmp_path_factory.mktemp("settled") / "chain.db")
    programme = Programme.start(chain)
    programme.mine(programme.issue(100, 1, 2, 3), programme.issue(7, 4))
    programme.mine(programme.issue(20, 1))
    yield programme
    chain.close()


@pytest.fixture(scope="module")
def reader(settled: Programme) -> Iterator[EmbeddedReader]:
    found = EmbeddedReader(settled.chain.path)
    yield found
    found.close()


@pytest.fixture(scope="module")
def rpc_url(reader: EmbeddedReader) -> Iterator[str]:
    """`POST /rpc` over HTTP, as the api serves it."""
    yield from serve_rpc(lambda body: answer(body, reader))


def serve_rpc(respond: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, body = respond(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()
