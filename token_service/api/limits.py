"""The rate limit at the edge: so many requests a second for each API key, or for each address where no valid key came.

Counted in this process's memory. Limits on points are rules of the programme, in the ledger.
"""

from __future__ import annotations

from flask import Flask, g, request
from flask_limiter import Limiter


def limit_requests(app: Flask, rate: str) -> None:
    """Answer 429 with Retry-After beyond `rate` (Flask-Limiter's words: "2000 per second"); pages are not counted here."""
    limiter = Limiter(
        _who,
        application_limits=[rate],
        application_limits_exempt_when=_is_exempt,
        storage_uri="memory://",
        headers_enabled=False,
        key_prefix="api",
    )
    limiter.init_app(app)


def _who() -> str:
    return f"key {g.caller.name}" if g.caller is not None else f"address {request.remote_addr}"


def _is_exempt() -> bool:
    return g.get("access") is None or g.access.operational
