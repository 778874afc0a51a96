"""The service's clock: the machine's, or one that a file moves forward (`MEREAU_CLOCK=file:PATH`, for tests and demos).

The file holds one instant, RFC 3339 or whole seconds since 1970. The clock shows that instant at the moment the file was
written and runs on from there, so every process that reads the file agrees. It never goes back: a file that holds
an earlier time than was already seen leaves the clock standing where it was until that time has passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from token_service.errors import BadSettings

SECONDS_MAX = 221_845_392_000
"""The year 9000."""


def system_clock() -> datetime:
    return datetime.now(UTC)


class FileClock:
    """Shows the file's time, only forward. Raises BadSettings when the file is missing or holds no time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._stamp: tuple[int, int] | None = None
        self._offset_seconds = 0.0

    def __call__(self) -> datetime:
        self._read_if_changed()
        shown = datetime.fromtimestamp(time.time() + self._offset_seconds, UTC)
        self._latest = max(self._latest, shown)
        return self._latest

    def _read_if_changed(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._offset_seconds = _parse(self._path.read_text(encoding="ascii")) - status.st_mtime
                self._stamp = stamp
        except (OSError, ValueError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it holds no time"
            raise BadSettings(
                f"MEREAU_CLOCK: cannot use its file ({reason}); write a time such as 2026-12-01T09:00:00Z into it"
            ) from None


def _parse(text: str) -> float:
    """Seconds since 1970. Raises ValueError for anything but an aware RFC 3339 time or whole seconds, up to the year 9000."""
    text = text.strip()
    if text.isdigit():
        seconds = float(int(text))
    else:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError("a time without a zone")
        seconds = instant.timestamp()
    if seconds > SECONDS_MAX:
        raise ValueError("too far ahead")
    return seconds


def open_clock(setting: str | None) -> Callable[[], datetime]:
    """The clock that `MEREAU_CLOCK` names; None is the machine's."""
    if setting is None:
        return system_clock
    clock = FileClock(Path(setting.removeprefix("file:")))
    clock()
    return clock
