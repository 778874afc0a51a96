"""The embedded chain for processes that don't own it: one snapshot a request, never in the miner's way (DESIGN §5)."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from token_service.chain.embedded.machine import open_chain
from token_service.chain.embedded.store import BlockStore
from token_service.chain.embedded.view import ChainView


class EmbeddedReader:
    """Read-only access for any number of threads: each snapshot has a connection of its own, kept for the next one.

    Make it after a fork, never before: SQLite's connections don't survive one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[BlockStore] = queue.LifoQueue()

    @contextmanager
    def snapshot(self) -> Iterator[ChainView]:
        """The chain as it is now, unchanging while inside. Raises NotInitialised when there is no chain yet."""
        store = self._take()
        try:
            with store.snapshot():
                yield ChainView(open_chain(store), store)
        finally:
            self._idle.put(store)

    def _take(self) -> BlockStore:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return BlockStore.for_reader(self.path)

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()
