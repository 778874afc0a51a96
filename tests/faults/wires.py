"""A wire to the database that can be cut: all at once, or at the COMMIT of whoever commits next."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy import make_url

COMMIT = b"COMMIT"


class Cut(StrEnum):
    """Where the wire breaks: the server never sees the COMMIT, or it does and nobody hears its answer."""

    BEFORE_COMMIT = "cut before COMMIT"
    AFTER_COMMIT = "cut after COMMIT"


class DatabaseWire:
    """Forwards a port of ours to PostgreSQL's socket. `url` is the database through the wire."""

    def __init__(self, database_url: str) -> None:
        direct = make_url(database_url)
        query = dict(direct.query)
        self._socket_path = f"{query.pop('host')}/.s.PGSQL.{query.pop('port', '5432')}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = direct.set(query=query, host="127.0.0.1", port=port).render_as_string(hide_password=False)
        self._planned: list[Cut] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def plan(self, *cuts: Cut) -> None:
        with self._lock:
            self._planned.extend(cuts)

    @property
    def is_through(self) -> bool:
        with self._lock:
            return not self._planned

    def cut_all(self) -> None:
        """Every connection of the moment breaks."""
        with self._lock:
            now, self._open = self._open, set()
        for one in now:
            _close(one)

    def close(self) -> None:
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._socket_path)
                with self._lock:
                    self._open |= {client, server}
                line = _Line(self, client, server)
                for carry in (line.to_server, line.to_client):
                    threading.Thread(target=carry, daemon=True).start()

    def next_cut(self) -> Cut | None:
        with self._lock:
            if not self._planned:
                return None
            self.cuts += 1
            return self._planned.pop(0)

    def forget(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open -= set(sockets)


class _Line:
    """One connection, both ways."""

    def __init__(self, wire: DatabaseWire, client: socket.socket, server: socket.socket) -> None:
        self.wire, self.client, self.server = wire, client, server
        self.is_deaf = False

    def to_server(self) -> None:
        for data in _received(self.client):
            cut = self.wire.next_cut() if COMMIT in data else None
            if cut is Cut.BEFORE_COMMIT:
                break
            self.is_deaf = self.is_deaf or cut is Cut.AFTER_COMMIT
            if not _sent(self.server, data):
                break
        self._end()

    def to_client(self) -> None:
        for data in _received(self.server):
            if self.is_deaf or not _sent(self.client, data):
                break
        self._end()

    def _end(self) -> None:
        self.wire.forget(self.client, self.server)
        _close(self.client)
        _close(self.server)


def _received(one: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := one.recv(65_536):
            yield data


def _sent(one: socket.socket, data: bytes) -> bool:
    try:
        one.sendall(data)
    except OSError:
        return False
    return True


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def database_wire(database_url: str) -> Iterator[DatabaseWire]:
    wire = DatabaseWire(database_url)
    try:
        yield wire
    finally:
        wire.close()
