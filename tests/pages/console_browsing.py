"""The whole application served for the console's tests in Chromium, with an owner signed in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pages_settled import Settled
from staff_people import hire
from werkzeug.serving import WSGIRequestHandler, make_server

from token_service.app.web import create_web
from token_service.ledger.staff import Person
from token_service.ledger.staff_sessions import open_staff_session

TARGETS = (
    ".button, .link-button, .crumb, .in-table, summary, select, textarea, .option, .side a, .pages a, "
    "input[type=text], input[type=search], input[type=email], input[type=datetime-local]"
)
"""What is touched on the console's pages."""


class Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Requests are not news."""


@dataclass(frozen=True)
class Console:
    """The served application, who is signed in, and what there is to look at."""

    url: str
    settled: Settled
    owner: Person
    cookies: list[Any]

    @property
    def paths(self) -> list[str]:
        merchant, member = self.settled.town.merchant_id, self.settled.member_id
        return [
            "/console/members",
            "/console/members?q=nobody-at-all",
            f"/console/members/{member}",
            f"/console/members/{member}/adjust",
            "/console/rulesets",
            "/console/rulesets/new",
            "/console/merchants",
            "/console/merchants/new",
            "/console/merchants/admin-keys",
            f"/console/merchants/{merchant}",
            "/console/settlement",
            "/console/people",
            "/console/people/new",
            "/console/trail",
        ]


@contextmanager
def served(settled: Settled) -> Iterator[Console]:
    """On a port of the loopback, until the end of the block."""
    server = make_server("127.0.0.1", 0, create_web(settled.application), threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        url, token = f"http://127.0.0.1:{server.port}", "7" * 64
        owner = hire(settled.town, "owner", "console@example.com")
        open_staff_session(settled.town.context, owner.id, sha256(token.encode()).hexdigest(), "test")
        yield Console(url, settled, owner, [{"name": "staff", "value": token, "url": url}])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
