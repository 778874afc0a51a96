"""The embedded chain for processes that don't own it: one snapshot a request, never in the miner's way (DESIGN §5)."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from token_service.chain.embedded.machine import PragueChain, open_chain
from token_service.chain.embedded.store import BlockStore, database_errors, new_cache
from token_service.chain.embedded.view import ChainView


@dataclass(frozen=True)
class Session:
    """One read-only connection with py-evm's chain over it, which keeps nothing of the head between snapshots."""

    store: BlockStore
    chain: PragueChain


class EmbeddedReader:
    """Read-only access for any number of threads: each snapshot has a connection of its own, kept for the next one.

    Make it after a fork, never before: SQLite's connections don't survive one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache = new_cache()
        self._idle: queue.LifoQueue[Session] = queue.LifoQueue()

    @contextmanager
    def snapshot(self) -> Iterator[ChainView]:
        """The chain as it is now, unchanging while inside. Raises NotInitialised when there is no chain yet."""
        session = self._take()
        try:
            with session.store.snapshot():
                yield ChainView(session.chain, session.store)
        finally:
            self._idle.put(session)

    def _take(self) -> Session:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            store = BlockStore.for_reader(self.path, self._cache)
        try:
            with database_errors():
                return Session(store, open_chain(store))
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().store.close()
