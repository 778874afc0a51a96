"""One line of the log for each request that wanted something changed: who asked, for what, and how it ended.

Bodies, addresses with what they name, and whoever sits behind a session are not in it (docs/operators.md "Logs"). The id of the
answer leads on: an operation names its entries, an entry its batch, and the worker's log has the batch.
"""

from __future__ import annotations

import logging
import time
from typing import Final

import structlog
from flask import Flask, Response, g, request

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READING_BY_POST: Final = ("/rpc", "/v1/simulations/")
"""What routes begin with that are asked by POST and change nothing: an audit over /rpc asks thousands of times."""
SERVER_ERRORS: Final = 500


def log_requests(app: Flask) -> None:
    """Logs every request that meets a rule: changes at `info`, reading at `debug`, what failed on our side at `warning`."""
    log = structlog.get_logger("web")

    @app.after_request
    def tell(response: Response) -> Response:
        rule = request.url_rule
        if rule is None or "started_seconds" not in g:
            return response
        caller = g.get("caller")
        said = {
            "request_id": g.get("request_id"),
            "method": request.method,
            "route": rule.rule,
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.started_seconds) * 1000, 1),
            "key": getattr(caller, "name", None),
            "code": g.get("problem_code"),
            **g.get("answered", {}),
        }
        level = _level(request.method, rule.rule, response.status_code)
        log.log(level, "request", **{name: value for name, value in said.items() if value not in (None, [])})
        return response


def _level(method: str, route: str, status: int) -> int:
    if status >= SERVER_ERRORS:
        return logging.WARNING
    return logging.DEBUG if method in READING or route.startswith(READING_BY_POST) else logging.INFO
