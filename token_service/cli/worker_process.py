"""The worker as a child of `serve`: `python -m token_service.cli.worker_process TARGET LOCK_FD LOCK_PATH PARENT_PID`.

It shares its parent's ownership of the chain through the inherited descriptor, stops on SIGTERM after the step it is in,
and never outlives the parent.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from token_service.chain.ownership import ChainLock
from token_service.cli import exit_code
from token_service.cli.parentage import die_with_parent
from token_service.errors import MereauError, TryAgain

NICENESS: Final = 5
"""Settling may wait a little where a caller waits for an answer: on a busy machine the web process goes first."""

Worker = Callable[[ChainLock, threading.Event], None]


def run_settlement(lock: ChainLock, stop: threading.Event) -> None:
    """The product's worker: settles and does due work until `stop`."""
    from token_service.app import open_application
    from token_service.worker import run_worker

    with open_application() as application:
        try:
            with application.working(lock, waits=stop) as services:
                run_worker(services, stop)
        except TryAgain:  # still away when the order to stop came
            if not stop.is_set():
                raise


def run(target: str, lock: ChainLock) -> None:
    """Runs the worker that `module:function` names until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    module, _, name = target.partition(":")
    worker: Worker = getattr(importlib.import_module(module), name)
    worker(lock, stop)
    print("worker stopped cleanly", file=sys.stderr, flush=True)


def main() -> None:
    """Exit codes as of the command (token_service/cli)."""
    target, descriptor, lock_path, parent_pid = sys.argv[1:]
    die_with_parent(int(parent_pid))
    os.nice(NICENESS)
    try:
        run(target, ChainLock.inherited(Path(lock_path), int(descriptor)))
    except MereauError as error:
        print(f"worker: {error.title}: {error.detail}", file=sys.stderr, flush=True)
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
