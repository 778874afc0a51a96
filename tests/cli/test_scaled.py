"""`make scaled`, small, still minutes of it: every part a process of its own, and nothing is left behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from deployments import free_port

ROOT = Path(__file__).parents[2]


@pytest.mark.soak
def test_every_part_runs_apart_is_replaced_under_load_without_a_failed_request_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port = free_port()
    words = ["--households", "4", "--weeks", "2", "--port", str(port), "--roll", "--once"]
    command = [sys.executable, "-m", "scripts.scaled", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All requested checks held." in done.stdout
    rolled = re.search(r"Replaced ([\w ,]+) in \d+ s: ([\d,]+) purchases, 0 failed", done.stdout)
    assert rolled is not None, done.stdout
    assert rolled[1] == "signer, worker 1, worker 2, web 1, web 2"
    assert int(rolled[2].replace(",", "")) > 100
    promised = re.search(r"([\d,]+) points promised, ([\d,]+) there; ([\d,]+) counted since", done.stdout)
    assert promised is not None
    assert promised[1] == promised[2] != "0"
    assert int(promised[3].replace(",", "")) > 0, "two web processes on one socket count together"
    figures = re.search(r"([\d,]+) entries and ([\d,]+) facts settled in (\d+) batches", done.stdout)
    assert figures is not None
    assert int(figures[2].replace(",", "")) > 0
    numbers = dict(re.findall(r"^  (signer|worker 1|worker 2|web 1|web 2) +process (\d+)", done.stdout, re.MULTILINE))
    assert set(numbers) == {"signer", "worker 1", "worker 2", "web 1", "web 2"}
    assert [number for number in numbers.values() if Path(f"/proc/{number}").exists()] == []
    assert list(tmp_path.glob("mereau-scaled-*")) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
