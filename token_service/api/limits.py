"""The rate limit at the edge: so many requests in a window for each API key, or for each address where no valid key came.

Counted in this process's memory, and only for the current window, so it cannot grow. (Flask-Limiter's memory storage starts a
thread at almost every request.) Limits on points are rules of the programme, in the ledger.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, g, request

from token_service.errors import BadSettings, TooManyRequests

SECONDS_OF: Final = {"second": 1, "minute": 60, "hour": 3_600}
_RATE: Final = re.compile(r"([1-9]\d{0,8}) per (second|minute|hour)")


class RateLimit:
    """Requests of each caller in fixed windows of time."""

    def __init__(self, rate: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` like "2000 per second". Raises BadSettings."""
        match = _RATE.fullmatch(rate)
        if match is None:
            raise BadSettings("a rate limit is written like: 2000 per second")
        self.count_max = int(match[1])
        self.seconds = SECONDS_OF[match[2]]
        self._clock = clock
        self._lock = threading.Lock()
        self._window = -1
        self._counts: dict[str, int] = {}

    def take(self, who: str) -> None:
        """Count one request. Raises TooManyRequests, with the seconds until the next window, when there is no room."""
        with self._lock:
            now = self._clock()
            window = int(now // self.seconds)
            if window != self._window:
                self._window, self._counts = window, {}
            count = self._counts[who] = self._counts.get(who, 0) + 1
        if count > self.count_max:
            wait = max(1, math.ceil((window + 1) * self.seconds - now))
            raise TooManyRequests("The rate limit of this key is reached.", retry_after_seconds=wait)


def limit_requests(app: Flask, rate: str) -> None:
    """Answer 429 with Retry-After beyond `rate`; pages and probes are not counted here."""
    limit = RateLimit(rate)

    @app.before_request
    def take() -> None:
        if g.access is not None and not g.access.operational:
            limit.take(f"key {g.caller.name}" if g.caller is not None else f"address {request.remote_addr}")
