"""Commands of `mereau` as processes that are started together and stopped in order: who serves first, who signs last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import click
import requests

COMMAND = [sys.executable, "-m", "token_service"]
START_SECONDS = 60
STOP_SECONDS = 20


class Processes:
    """`settings` are every process's environment; each has its log in the folder."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder, self.settings = folder, settings
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name, process in reversed(self._running):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                click.echo(f"{name} did not stop in time", err=True)
                process.kill()
                process.wait()

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

    def start(self, name: str, *words: str, **settings: str) -> None:
        """In a group of its own: Ctrl-C reaches this process, which then stops the others in order."""
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, *words],
                env={**os.environ, **self.settings, **settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append((name, process))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not condition():
            for name, process in self._running:
                if process.poll() is not None:
                    raise click.ClickException(f"{name} ended: {self._log(name).read_text()[-2000:]}")
            if time.monotonic() > give_up:
                raise click.ClickException(f"{what} did not start in time")
            time.sleep(0.1)

    def is_ready(self, port: int) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def tell(self) -> None:
        for name, process in self._running:
            click.echo(f"  {name:<10} process {process.pid}, log {self._log(name)}")

    def wait(self) -> None:
        """Until Ctrl-C, or until one of them ends by itself."""
        with suppress(KeyboardInterrupt):
            while True:
                for name, process in self._running:
                    if process.poll() is not None:
                        raise click.ClickException(f"{name} ended: {self._log(name).read_text()[-2000:]}")
                time.sleep(0.5)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.log"
