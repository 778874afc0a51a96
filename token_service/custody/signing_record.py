"""What the signer has signed and refused: an append-only file a day, and the limits that follow from it.

A line is synced before its signature leaves, so a restart forgets nothing. Several signers may share the folder (flock). A batch
signed again, at another fee or nonce, counts once: the contract applies an (operator, sequence) at most once.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from token_service.custody import key_files
from token_service.errors import DiskFull, SignerLimitReached

MINUTE: Final = 60.0
MEMBERS: Final = frozenset({"bind", "export"})
"""What is asked of a member's own key."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`points_per_day` is what one operator may credit in a UTC day, None for no limit; `per_minute` what one key may sign;
    `member_keys_per_day` how many members' keys are opened at most in a UTC day.
    """

    points_per_day: int | None = None
    per_minute: int = 1200
    member_keys_per_day: int = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the record tells it: never a key, a fee or a member's data beyond the address."""

    address: str
    function: str
    nonce: int | None = None
    seq: int | None = None
    root: str | None = None
    points: int = 0


@dataclass(slots=True)
class _Day:
    """What the file of one day says, as far as it was read."""

    day: date
    offset: int = 0
    credited: dict[tuple[str, int], int] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)

    def take(self, lines: bytes) -> None:
        for line in lines.splitlines():
            try:
                row: dict[str, Any] = json.loads(line)
                verdict, address, seq = str(row["verdict"]), str(row["address"]), row["seq"]
                points, function = int(row["points"]), str(row["function"])
            except (ValueError, KeyError, TypeError):
                continue  # torn by a crash: its signature never left
            self.verdicts[verdict] += 1
            if verdict == "signed" and function in MEMBERS:
                self.members.add(address)
            if verdict == "signed" and seq is not None:
                self.credited[address, int(seq)] = max(points, self.credited.get((address, int(seq)), 0))


class SigningRecord:
    """The record in one folder. Safe between threads and processes."""

    def __init__(
        self, directory: Path, limits: Limits, now: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        key_files.make_directory(directory)
        self._directory, self._limits, self._now, self._monotonic = directory, limits, now, monotonic
        self._guard = threading.Lock()
        self._days: dict[date, _Day] = {}
        self._recent: dict[str, deque[float]] = {}

    def admit(self, asked: Asked) -> None:
        """Written down as signed; sign it now. Raises SignerLimitReached (written down, too), DiskFull."""
        with self._guard, self._file() as (file, today):
            reason = (
                self._over_budget(asked, today) or self._over_members(asked, today) or self._over_rate(asked.address)
            )
            self._append(file, today, asked, "refused" if reason else "signed", reason)
        if reason:
            raise SignerLimitReached(f"the signer's limit is reached: {reason}", retry_after_seconds=60, limit=reason)

    def refuse(self, asked: Asked, reason: str) -> None:
        """Written down as refused by the policy."""
        with self._guard, self._file() as (file, today):
            self._append(file, today, asked, "denied", reason)

    def fail(self, asked: Asked, reason: str) -> None:
        """Written down behind `signed`: its key did not answer. What it counted stays counted: the answer may have been lost."""
        with self._guard, self._file() as (file, today):
            self._append(file, today, asked, "failed", reason)

    def counts(self) -> dict[str, int]:
        """Today's verdicts: signed, refused (a limit), denied (the policy)."""
        with self._guard, self._file() as (_, today):
            return {name: today.verdicts[name] for name in ("signed", "refused", "denied")}

    def credited_today(self, address: str) -> int:
        with self._guard, self._file() as (_, today):
            return self._credited(address, today)

    def _over_rate(self, address: str) -> str | None:
        recent, now = self._recent.setdefault(address, deque()), self._monotonic()
        while recent and recent[0] <= now - MINUTE:
            recent.popleft()
        if len(recent) >= self._limits.per_minute:
            return "signatures per minute"
        recent.append(now)
        return None

    def _over_budget(self, asked: Asked, today: _Day) -> str | None:
        limit = self._limits.points_per_day
        if limit is None or asked.seq is None:
            return None
        known = max(today.credited.get((asked.address, asked.seq), 0), self._yesterday(today, asked.address, asked.seq))
        more = max(0, asked.points - known)
        return "points per day" if more and self._credited(asked.address, today) + more > limit else None

    def _over_members(self, asked: Asked, today: _Day) -> str | None:
        if asked.function not in MEMBERS or asked.address in today.members:
            return None
        return "members' keys per day" if len(today.members) >= self._limits.member_keys_per_day else None

    def _credited(self, address: str, today: _Day) -> int:
        """Points newly credited today: what a batch counted yesterday is not counted again."""
        return sum(
            max(0, points - self._yesterday(today, address, seq))
            for (each, seq), points in today.credited.items()
            if each == address
        )

    def _yesterday(self, today: _Day, address: str, seq: int) -> int:
        before = today.day - timedelta(days=1)
        return self._days[before].credited.get((address, seq), 0) if before in self._days else 0

    def _append(self, file: IO[bytes], today: _Day, asked: Asked, verdict: str, reason: str | None) -> None:
        at = self._now().astimezone(UTC).isoformat(timespec="seconds")
        row = {"at": at, **asdict(asked), "verdict": verdict, "reason": reason}
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise DiskFull(f"the signer's record cannot be written: {error.strerror}") from error
        today.take(line)
        today.offset = file.tell()

    def _file(self) -> _Locked:
        today = self._now().astimezone(UTC).date()
        self._days = {day: seen for day, seen in self._days.items() if day >= today - timedelta(days=1)}
        before = today - timedelta(days=1)
        if before not in self._days:
            self._days[before] = _Day(before)
            path = self._directory / f"{before}.jsonl"
            if path.exists():
                self._days[before].take(path.read_bytes())
        return _Locked(self._directory / f"{today}.jsonl", self._days.setdefault(today, _Day(today)))


class _Locked:
    """The day's file, open and locked; what others wrote meanwhile is read first, and a torn last line is closed."""

    def __init__(self, path: Path, day: _Day) -> None:
        self._path, self._day = path, day

    def __enter__(self) -> tuple[IO[bytes], _Day]:
        try:
            is_new = not self._path.exists()
            self._stream = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
            if is_new:
                key_files.sync_directory(self._path.parent)
        except OSError as error:
            raise DiskFull(f"the signer's record cannot be opened: {error.strerror}") from error
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        self._stream.seek(self._day.offset)
        new = self._stream.read()
        if new and not new.endswith(b"\n"):
            self._stream.write(b"\n")
        self._day.take(new)
        self._day.offset = self._stream.tell()
        return self._stream, self._day

    def __exit__(self, *_: object) -> None:
        self._stream.close()  # and lets go of the lock
