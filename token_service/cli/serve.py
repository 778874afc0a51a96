"""The life of `mereau serve`: one command, a web server and a worker, that start, stop and die together; and of `mereau web`.

main: takes the lock, starts the worker, runs granian (which forks the web process), watches the worker
  ├─ worker: owns settlement and the embedded chain; in the web's process they would fight for the GIL (DESIGN §2)
  └─ web: the WSGI application, made after the fork

SIGTERM, SIGINT or SIGHUP: the request in flight is answered, the worker ends its step, exit code 0. The worker dies: everything
stops, exit code 1 (or the worker's own). The web dies: the same. kill -9 of main: the kernel kills both children and lets
go of the port and the lock. A second start: ChainOwned.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any, Final

from token_service.chain.ownership import ChainLock
from token_service.cli.listening import address_of, listening_socket
from token_service.cli.parentage import die_with_parent
from token_service.cli.systemd import tell_ready

WEB: Final = "token_service.app.web:create_wsgi"
WORKER: Final = "token_service.cli.worker_process:run_settlement"
STOP_SECONDS_MAX: Final = 30
"""How long a worker may take to end its work before it is killed."""
DRAIN_SECONDS: Final = 1.5
"""How long `mereau web` sends callers elsewhere before it stops: longer than a proxy's request takes to arrive."""


@dataclass(frozen=True)
class Serving:
    """What to serve: `web` names a factory of a WSGI application, `worker` a function of (ChainLock, stop event)."""

    lock_path: Path
    host: str
    port: int
    web: str = WEB
    worker: str = WORKER


def serve(serving: Serving) -> int:
    """Serves until told to stop; the exit code. Raises ChainOwned or BadSettings (port taken) before anything started."""
    ordered_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ordered_to_stop.set())  # until granian's own handlers stand
    with ChainLock(serving.lock_path) as lock:
        listening = listening_socket(serving.host, serving.port)
        worker = WorkerChild(serving.worker, lock)
        try:
            worker.watch(on_death=lambda: os.kill(os.getpid(), signal.SIGTERM))
            code = _run_web(serving.web, listening, ordered_to_stop)
        except SystemExit as end:  # granian's when the web process died, ours when told to stop before it was born
            code = end.code if isinstance(end.code, int) else 0
        finally:
            worker.stop()
        return worker.exit_code or code


def serve_web(host: str, port: int, processes: int) -> int:
    """Serves the API and the pages without settling, from so many processes; returns when told to stop. Raises BadSettings.

    On a socket of systemd's it can be replaced under load without a failed request (docs/operators.md, "Rolling restart").
    """
    ordered_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ordered_to_stop.set())
    listening = listening_socket(host, port)
    try:
        return _run_web(WEB, listening, ordered_to_stop, processes, DRAIN_SECONDS)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0


class WorkerChild:
    """The worker process: started, watched, stopped."""

    def __init__(self, target: str, lock: ChainLock) -> None:
        descriptor = lock.fileno()
        arguments = [target, str(descriptor), str(lock.path), str(os.getpid())]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "token_service.cli.worker_process", *arguments],
            pass_fds=(descriptor,),
            start_new_session=True,  # Ctrl-C in the terminal is for main, which then stops the worker in order
        )
        self._is_stopping = False
        self._died = False

    def watch(self, *, on_death: Callable[[], None]) -> None:
        """Calls `on_death` when the worker ends without having been told to."""
        threading.Thread(target=self._wait, args=(on_death,), name="worker-watch", daemon=True).start()

    @property
    def exit_code(self) -> int:
        """0 after a clean stop, also before it could begin; else the worker's own code, 1 when that explains nothing."""
        code = self._process.returncode
        if code == -signal.SIGTERM and not self._died:
            return 0
        if code == 0:
            return 1 if self._died else 0
        return code if code is not None and code > 0 else 1

    def stop(self) -> None:
        """Ends it: by SIGTERM, after 30 seconds by SIGKILL."""
        self._is_stopping = True
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self, on_death: Callable[[], None]) -> None:
        self._process.wait()
        if not self._is_stopping:
            self._died = True
            print("The worker has ended; stopping.", file=sys.stderr, flush=True)
            on_death()


def _run_web(
    web: str, listening: socket, ordered_to_stop: threading.Event, processes: int = 1, drain_seconds: float = 0
) -> int:
    """Runs granian until it is told to stop: 0. Raises SystemExit when its web process died, or never needs to start."""
    from token_service.cli.web_server import WebServer

    server = WebServer(web, listening, processes, drain_seconds)

    @server.on_startup
    def ready() -> None:
        """Called when granian's handlers stand and its web process is not yet born. A closed terminal is no order to reload."""
        if ordered_to_stop.is_set():
            raise SystemExit(0)
        signal.signal(signal.SIGHUP, server.signal_handler_interrupt)
        print(f"Serving on http://{address_of(listening)}", file=sys.stderr, flush=True)

    server.serve(target_loader=partial(load_web, web, os.getpid()), wrap_loader=False)
    return 0


def load_web(factory: str, parent_pid: int) -> Any:
    """The WSGI application, in the web process; granian calls this after its fork."""
    from token_service.cli.web_server import Drainable

    die_with_parent(parent_pid)
    for order in (signal.SIGTERM, signal.SIGINT):
        signal.signal(order, signal.SIG_DFL)  # what it inherits is main's and would swallow an order to stop
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # main hears it too, and stops this process in order
    module, _, name = factory.partition(":")
    application = Drainable(getattr(importlib.import_module(module), name)())
    tell_ready()
    return application
