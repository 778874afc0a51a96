"""Who owns the embedded chain: an advisory lock on `chain.lock`, held for as long as its owner lives (DESIGN §5).

The kernel lets go of the lock when the last process that holds the descriptor is gone, also after kill -9, so it never
has to be cleaned up. A child that inherits the descriptor (`fileno`) keeps the chain owned until it is gone as well:
two generations of the worker can never write to one file. The pid inside the file is only for people to read.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from token_service.errors import ChainOwned


class ChainLock:
    """The ownership of one chain. `acquire` takes it or raises ChainOwned at once; it never waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @classmethod
    def inherited(cls, path: Path, descriptor: int) -> ChainLock:
        """The ownership that a parent shares with this process through an open descriptor."""
        lock = cls(path)
        lock._descriptor = descriptor
        return lock

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def acquire(self) -> ChainLock:
        """Raises ChainOwned, with the pid of the owner in `facts`, when another process owns the chain."""
        if self._descriptor is not None:
            return self
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise _owned(self.path, owner) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def fileno(self) -> int:
        """The open descriptor, to be handed to a child that shares the ownership."""
        if self._descriptor is None:
            raise ValueError("the lock is not held")
        return self._descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> ChainLock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _owned(path: Path, owner: str) -> ChainOwned:
    who = f"Process {owner}" if owner.isdigit() else "Another process"
    return ChainOwned(
        f"{who} owns the chain in {path.parent} already: `mereau serve` or a worker is running there. "
        "Stop it first, or let it do the work.",
        pid=int(owner) if owner.isdigit() else None,
    )
