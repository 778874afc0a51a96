"""API keys that the database has just said are valid, so that a busy till's key is not asked for with each of its calls.

A key that is revoked is forgotten in this process, and in every other one within KNOWN_FOR.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from token_service.ledger.context import Actor

KNOWN_FOR: Final = timedelta(seconds=1)
KNOWN_MAX: Final = 10_000


class KnownKeys:
    """Who holds a key, by the key's hash, with when that was asked. For all threads of a process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[datetime, Actor]] = OrderedDict()

    def find(self, key_hash: str, now: datetime) -> Actor | None:
        """Who holds the key, if that was asked less than KNOWN_FOR ago; also None when the clock was set back."""
        known = self._known.get(key_hash)
        if known is None or not timedelta(0) <= now - known[0] < KNOWN_FOR:
            return None
        return known[1]

    def remember(self, key_hash: str, holder: Actor, asked_at: datetime) -> None:
        """`asked_at` is when the database was about to be asked."""
        with self._lock:
            self._known.pop(key_hash, None)
            self._known[key_hash] = (asked_at, holder)
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)

    def forget(self, key_id: str) -> None:
        """The key with this id is asked for again."""
        with self._lock:
            for key_hash in [one for one, (_, holder) in self._known.items() if holder.name == key_id]:
                del self._known[key_hash]
