"""Commands of `mereau` as processes that are started together and stopped in order: who serves first, who signs last.

They are told what systemd would tell them (sd_listen_fds(3), sd_notify(3)): the web processes listen on one socket that outlives
each of them, and each says when it is ready.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click

COMMAND = [sys.executable, "-m", "token_service"]
ON_A_SOCKET = [
    "/bin/sh",
    "-c",
    'LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$@" 3<&"$SOCKET"',
    "sh",
]
START_SECONDS = 60
STOP_SECONDS = 20


@dataclass
class Started:
    """A command that runs, and how to start it again."""

    name: str
    words: tuple[str, ...]
    settings: dict[str, str]
    listening: socket.socket | None
    process: subprocess.Popen[bytes]


class Processes:
    """`settings` are every process's environment; each has its log in the folder."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder, self.settings = folder, settings
        self._running: dict[str, Started] = {}
        self._said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._said.bind(str(folder / "notify.sock"))
        self._said.settimeout(0.2)

    @property
    def names(self) -> list[str]:
        return list(self._running)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for started in reversed(self._running.values()):
            self._stop(started)
        self._said.close()

    def run(self, *words: str) -> str:
        """What a command prints. Ends everything when it fails."""
        done = subprocess.run(
            [*COMMAND, *words], env={**os.environ, **self.settings}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise click.ClickException(f"mereau {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def start(
        self, name: str, *words: str, listening: socket.socket | None = None, settings: dict[str, str] | None = None
    ) -> None:
        """Returns when it says that it is ready; raises ClickException with its last words when it ends before that.

        In a group of its own: Ctrl-C reaches this process, which then stops the others in order.
        """
        own = settings or {}
        environment = {**os.environ, **self.settings, **own, "NOTIFY_SOCKET": str(self.folder / "notify.sock")}
        command = [*COMMAND, *words]
        if listening is not None:
            environment["SOCKET"] = str(listening.fileno())
            command = [*ON_A_SOCKET, *command]
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=() if listening is None else (listening.fileno(),),
            )
        self._running[name] = Started(name, words, own, listening, process)
        self._await_ready(name)

    def restart(self, name: str) -> None:
        """As `systemctl restart` does: an order to stop, its end, a new one that is ready."""
        started = self._running[name]
        self._stop(started)
        if started.process.returncode != 0:
            raise click.ClickException(f"{name} stopped with {started.process.returncode}: {self._last_words(name)}")
        self.start(name, *started.words, listening=started.listening, settings=started.settings)

    def tell(self) -> None:
        for started in self._running.values():
            click.echo(f"  {started.name:<10} process {started.process.pid}, log {self._log(started.name)}")

    def wait(self) -> None:
        """Until Ctrl-C, or until one of them ends by itself."""
        with suppress(KeyboardInterrupt):
            while True:
                for started in self._running.values():
                    self._check_runs(started)
                time.sleep(0.5)

    def _await_ready(self, name: str) -> None:
        give_up = time.monotonic() + START_SECONDS
        while True:
            with suppress(TimeoutError):
                self._said.recv(64)
                return
            self._check_runs(self._running[name])
            if time.monotonic() > give_up:
                raise click.ClickException(f"{name} did not start in time")

    def _check_runs(self, started: Started) -> None:
        if started.process.poll() is not None:
            raise click.ClickException(f"{started.name} ended: {self._last_words(started.name)}")

    def _stop(self, started: Started) -> None:
        with suppress(ProcessLookupError):
            started.process.send_signal(signal.SIGTERM)
        try:
            started.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            click.echo(f"{started.name} did not stop in time", err=True)
            started.process.kill()
            started.process.wait()

    def _last_words(self, name: str) -> str:
        return self._log(name).read_text()[-2000:]

    def _log(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.log"
