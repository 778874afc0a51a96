"""A small web application and worker for the tests of `serve`: the worker mines, the application answers /rpc and /slow."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from embedded_programme import Programme, new_chain

from token_service.chain.embedded import ChainLock, EmbeddedReader
from token_service.chain.rpc_facade import answer
from token_service.errors import NotInitialised

Start = Callable[[str, list[tuple[str, str]]], Any]


def chain_path(lock_path: Path) -> Path:
    return lock_path.with_name("chain.db")


def mine_until_stopped(lock: ChainLock, stop: threading.Event) -> None:
    chain = new_chain(chain_path(lock.path))
    with chain.view() as view:
        is_new = view.head().block_number == 0
    programme = Programme.start(chain) if is_new else Programme.resume(chain)
    lock.path.with_name("worker.pid").write_text(str(os.getpid()))
    while not stop.is_set():
        programme.mine(programme.issue(1, 1, 2))
    chain.close()


def fail_at_once(lock: ChainLock, stop: threading.Event) -> None:
    raise NotInitialised("nothing here")


def create_application() -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    folder = Path(os.environ["MEREAU_TEST_FOLDER"])
    folder.joinpath("web.pid").write_text(str(os.getpid()))
    reader = EmbeddedReader(folder / "chain.db")

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            folder.joinpath("slow.begun").touch()
            time.sleep(1)
        status, body = answer(environ["wsgi.input"].read(), reader)
        start(f"{status} OK", [("Content-Type", "application/json")])
        return [body]

    return application
