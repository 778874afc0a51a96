"""kill -9 of the process that writes the embedded chain: before every SQL statement of a block, and at random."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
BATCH_POINTS = 3 * 8 + 2 * 2


def drive(mode: str, folder: Path, *more: str, timeout_seconds: int = 120) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "crash_driver.py"), mode, str(folder), *more],
        cwd=HERE.parents[1],
        env={"PYTHONPATH": f"{HERE.parents[1]}:{HERE}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
        timeout=timeout_seconds,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_killed_before_every_statement_of_a_block(tmp_path: Path) -> None:
    *points, start = drive("block", tmp_path)
    before = start["before"]
    assert len(points) > 80  # the block's nodes, its transaction and log rows, and the commit
    for point in points:
        assert point["integrity"] == "ok"
        assert point["head"] in {before["head"], before["head"] + 1}
        assert point["supply"] == point["balances"]
        landed = point["head"] - before["head"]
        assert point["supply"] == before["supply"] + landed * BATCH_POINTS
        assert point["transactions_found"]
        assert point["newest_row"] <= point["head"]
        assert point["log_rows"] == point["receipt_logs"] == landed * (8 + 2 + 2)
        assert point["next"] == point["head"] + 1
    assert [p["head"] - before["head"] for p in points] == sorted(p["head"] - before["head"] for p in points)


def test_killed_before_every_statement_of_the_genesis(tmp_path: Path) -> None:
    points = drive("genesis", tmp_path)
    assert len(points) > 10
    assert len({point["values_left"] for point in points}) <= 2  # nothing, or all of it
    assert all(point["is_ours"] and point["next"] == 1 for point in points)


def test_killed_at_random_under_load(tmp_path: Path) -> None:
    check_rounds(drive("load", tmp_path), count=10)


@pytest.mark.soak
def test_killed_at_random_under_load_two_hundred_times(tmp_path: Path) -> None:
    check_rounds(drive("load", tmp_path, "200", timeout_seconds=3000), count=200)


def check_rounds(rounds: list[dict[str, Any]], *, count: int) -> None:
    """The chain after each kill: whole, nothing acknowledged lost, and going on."""
    assert len(rounds) == count
    for round_ in rounds:
        assert round_["integrity"] == "ok"
        assert round_["head"] >= round_["acknowledged"] > 0
        assert round_["supply"] == round_["balances"]
        assert round_["transactions_found"]
        assert round_["log_rows"] == round_["receipt_logs"]
        assert round_["next"] == round_["head"] + 1
