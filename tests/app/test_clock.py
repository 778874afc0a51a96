"""The clock that a file moves."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from token_service.app.clock import open_clock
from token_service.errors import BadSettings


def test_without_a_setting_it_shows_the_machines_time() -> None:
    assert abs(open_clock(None)() - datetime.now(UTC)) < timedelta(seconds=5)


def test_it_shows_the_files_time_and_runs_on_from_there(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    path.write_text("2027-03-01T08:00:00Z")
    written = path.stat().st_mtime
    clock = open_clock(f"file:{path}")
    shown = clock()
    expected = datetime(2027, 3, 1, 8, tzinfo=UTC) + timedelta(seconds=time.time() - written)
    assert abs(shown - expected) < timedelta(seconds=1)


def test_it_follows_the_file_forward(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    path.write_text("2027-03-01T08:00:00Z")
    clock = open_clock(f"file:{path}")
    clock()
    path.write_text("2027-06-01T08:00:00+02:00")
    assert clock() >= datetime(2027, 6, 1, 6, tzinfo=UTC)


def test_it_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    path.write_text("2027-03-01T08:00:00Z")
    clock = open_clock(f"file:{path}")
    before = clock()
    path.write_text("2026-01-01T08:00:00Z\n")
    assert clock() >= before


def test_two_processes_agree_on_the_time(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    path.write_text("1900000000")
    os.utime(path, (time.time() - 100, time.time() - 100))
    first, second = open_clock(f"file:{path}")(), open_clock(f"file:{path}")()
    assert abs(first - second) < timedelta(seconds=1)
    assert first.timestamp() >= 1_900_000_099


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-03-01T08:00:00", "9" * 40])
def test_it_refuses_a_file_that_holds_no_time(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clock"
    path.write_text(text)
    with pytest.raises(BadSettings, match="MEREAU_CLOCK"):
        open_clock(f"file:{path}")


def test_it_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="MEREAU_CLOCK"):
        open_clock(f"file:{tmp_path / 'nothing'}")
