"""How often chain nodes were asked, how that ended, and how long it took: counted here, written down from time to time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from token_service.chain.json_rpc import Outcome
from token_service.ledger.worker_figures import RPC_REQUESTS, RPC_SECONDS, Key


class RpcCalls:
    """An Observer of endpoints. Nodes appear by their host's name, never by a URL, which may hold a key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Key] = Counter()
        self._seconds: dict[Key, float] = {}

    def observe(self, label: str, method: str, seconds: float, outcome: Outcome) -> None:
        """Counts one call."""
        place = (RPC_SECONDS, (label, method))
        with self._lock:
            self._counts[RPC_REQUESTS, (label, method, outcome.value)] += 1
            self._seconds[place] = self._seconds.get(place, 0.0) + seconds

    def take(self) -> dict[Key, float]:
        """What was counted since the last time; it is the caller's from here on."""
        with self._lock:
            taken: dict[Key, float] = {**self._counts, **self._seconds}
            self._counts.clear()
            self._seconds.clear()
        return taken

    def give_back(self, taken: Mapping[Key, float]) -> None:
        """What could not be written down."""
        with self._lock:
            for key, value in taken.items():
                if key[0] == RPC_REQUESTS:
                    self._counts[key] += int(value)
                else:
                    self._seconds[key] = self._seconds.get(key, 0.0) + value
