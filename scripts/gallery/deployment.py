"""A demo of its own for the gallery: `mereau demo` in a temporary folder, and the people who sign in to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HOUSEHOLDS, WEEKS = 40, 8
START_SECONDS: Final = 300


@dataclass(frozen=True)
class Demo:
    """Where the demo is served, its data, and what it printed."""

    url: str
    folder: Path
    printed: str

    @property
    def member(self) -> str:
        """The e-mail address that the demo says to sign in as."""
        found = re.search(r"sign in as (\S+@\S+)", self.printed)
        assert found is not None, self.printed
        return found[1]

    def password(self, email: str) -> str:
        """A new first password for one of the staff, as an operator gives it."""
        command = [sys.executable, "-m", "token_service", "staff", "reset-password", email]
        done = subprocess.run(command, env=_environment(self.folder), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def staff(self, role: str) -> str:
        """The address of the demo's person with this role."""
        command = [sys.executable, "-m", "token_service", "staff", "list"]
        done = subprocess.run(command, env=_environment(self.folder), capture_output=True, text=True, check=True)
        found = re.search(rf"^\S+ +{role} +active +(\S+)", done.stdout, re.MULTILINE)
        assert found is not None, done.stdout
        return found[1]


@contextmanager
def running_demo() -> Iterator[Demo]:
    """The demo, loaded, settled, audited and served; gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        command = [sys.executable, "-m", "token_service", "demo", "--port", str(port)]
        command += ["--households", str(HOUSEHOLDS), "--weeks", str(WEEKS)]
        demo = subprocess.Popen(
            command,
            env=_environment(Path(folder)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        stop = threading.Timer(START_SECONDS, demo.kill)
        stop.start()
        try:
            yield Demo(f"http://127.0.0.1:{port}", Path(folder), _printed(demo))
        finally:
            stop.cancel()
            demo.send_signal(signal.SIGINT)
            demo.wait(60)


def _printed(demo: subprocess.Popen[str]) -> str:
    """What it says until it serves. Raises RuntimeError when it ends before that."""
    lines = []
    assert demo.stdout is not None
    for line in demo.stdout:
        lines.append(line)
        if line.startswith("Serving until"):
            return "".join(lines)
    raise RuntimeError("the demo did not start:\n" + "".join(lines))


def _environment(folder: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
    return {**bare, "MEREAU_DATA_DIR": str(folder), "MEREAU_DEMO": "true", "PYTHONUNBUFFERED": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
