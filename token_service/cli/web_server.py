"""granian on a socket that all its processes share, and that loses no request while they are replaced.

granian itself opens a socket for each process (SO_REUSEPORT), and the kernel resets what waits in the queue of one that
closes. Here the queue belongs to the socket, which lives on as long as anybody holds it (token_service/cli/listening).
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from granian._granian import SocketHolder
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from token_service.cli.listening import BACKLOG

BLOCKING_THREADS: Final = 32
"""Requests at once. Purchases that arrive together share transactions (ledger/sharing.py): the more, the less each costs."""
STOP_SECONDS_MAX: Final = 30
"""How long a process may take to end its work before it is killed."""
GO_ELSEWHERE: Final = signal.SIGUSR1

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WebServer(MPServer):
    """Serves a WSGI application from so many processes on one listening socket.

    Ordered to stop by SIGTERM it goes on answering for `drain_seconds`, closing each connection behind its answer, so that a
    proxy that keeps connections open is not cut off in the middle of sending a request; then the requests in flight are
    answered and all ends. SIGINT does without the first part.
    """

    def __init__(self, web: str, listening: socket.socket, processes: int, drain_seconds: float) -> None:
        host, port = listening.getsockname()[:2]
        self._listening, self._drain_seconds = listening, drain_seconds
        self._order: int | None = None
        super().__init__(
            web,
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=processes,
            blocking_threads=BLOCKING_THREADS,
            workers_kill_timeout=STOP_SECONDS_MAX,
            websockets=False,
            log_level=LogLevels.warning,
        )
        logging.getLogger("_granian").addFilter(_is_no_advice_on_threads)
        multiprocessing.set_start_method("fork", force=True)  # what inherits the socket; Python 3.14 would spawn

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        self._order = args[0] if args else None
        super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        descriptor = self._listening.fileno()
        holder = SocketHolder(descriptor, False, BACKLOG)  # type: ignore[call-arg]
        vars(self).update(_ssp=None, _sso=self._listening, _sfd=descriptor, _shd=holder)

    def _stop_workers(self) -> None:
        workers: list[Any] = self.wrks
        if self._order == signal.SIGTERM and self._drain_seconds:
            for worker in workers:
                with suppress(ProcessLookupError):
                    os.kill(worker._id(), GO_ELSEWHERE)
            time.sleep(self._drain_seconds)
        for worker in workers:
            worker.terminate()
        # granian's own wait takes a process for alive that has ended and that its watching thread has not yet been told of
        give_up = time.monotonic() + STOP_SECONDS_MAX
        while any(worker.is_alive() for worker in workers) and time.monotonic() < give_up:
            time.sleep(0.005)
        super()._stop_workers()  # type: ignore[no-untyped-call]


def _is_no_advice_on_threads(record: logging.LogRecord) -> bool:
    """granian warns of more threads than twice the processors; ours mostly wait, for PostgreSQL and for one another."""
    return "Python threads" not in record.getMessage()


class Drainable:
    """A WSGI application that says `Connection: close` with each answer once its process has heard GO_ELSEWHERE."""

    def __init__(self, application: Wsgi) -> None:
        self._application, self._is_draining = application, threading.Event()
        signal.signal(GO_ELSEWHERE, lambda *_: self._is_draining.set())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._is_draining.is_set():
            return self._application(environ, start_response)

        def start_and_close(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            """PEP 3333 leaves this header to the server; granian has no other way to be told (RFC 9112 §9.6)."""
            return start_response(status, [*headers, ("connection", "close")], *error)

        return self._application(environ, start_and_close)
