"""A WSGI application served on loopback from a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Requests are not news."""


def read_at_once(application: WSGIApplication) -> WSGIApplication:
    """The application, its answers read and closed before the first byte leaves.

    Werkzeug's server doesn't close an answer whose client went away, as browsers do when their window closes; the file
    behind it would end as a ResourceWarning in some later test.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        parts: Iterable[bytes] = application(environ, start_response)
        try:
            return list(parts)
        finally:
            close: Any = getattr(parts, "close", None)
            if close is not None:
                close()

    return answer


def open_server() -> BaseWSGIServer:
    """A server on a free port that has nothing to serve yet; `serving` gives it its application."""
    return make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)


@contextmanager
def serving(application: WSGIApplication, server: BaseWSGIServer | None = None) -> Iterator[str]:
    """The address under which the application answers."""
    server = server or open_server()
    server.app = read_at_once(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
