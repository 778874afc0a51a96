"""`mereau web`: processes that answer on one socket count together, and what the dead had counted is forgotten."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from token_service.cli.counting import VARIABLE, count_together

PROCESS = """
import sys
from pathlib import Path
from token_service.cli.counting import count_together
count_together(Path(sys.argv[1]))
from token_service.api.health import Metrics
from prometheus_client.exposition import generate_latest
metrics = Metrics()
for _ in range(int(sys.argv[2])):
    metrics.observe(method="POST", route="/v1/purchases", status=201, seconds=0.01)
    metrics.observe_answer(code=None, is_replayed=True)
print(generate_latest(metrics.as_seen_by_all()).decode(), flush=True)
sys.stdin.read()
"""


def counting(folder: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> float:
    """The purchases that its /metrics would tell of."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith('mereau_requests_total{method="POST"'):
            return float(line.split()[-1])
    raise AssertionError("it told nothing")


def test_each_tells_of_all_that_live_and_of_none_that_are_gone(tmp_path: Path) -> None:
    with counting(tmp_path, 3) as first:
        assert told(first) == 3
        with counting(tmp_path, 4) as second:
            assert told(second) == 7
            second.communicate("")
        with counting(tmp_path, 2) as third:
            assert told(third) == 5
            third.communicate("")
        first.communicate("")


def test_the_folder_is_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "before")
    (tmp_path / "metrics").mkdir(mode=0o700)
    alive, dead = (tmp_path / "metrics" / f"counter_{pid}.db" for pid in (os.getpid(), 2**22 - 1))
    alive.touch()
    dead.touch()
    count_together(tmp_path)
    assert os.environ[VARIABLE] == str(tmp_path / "metrics")
    assert (alive.exists(), dead.exists()) == (True, False)
    assert (tmp_path / "metrics").stat().st_mode & 0o077 == 0
