"""The demo, small: the same path as `make demo`, on a few households."""

from __future__ import annotations

import re
from pathlib import Path

import requests

from .conftest import Deployment


def test_the_demo_loads_settles_audits_and_says_where_to_look(tmp_path: Path) -> None:
    made = Deployment(tmp_path / "var")
    words = ["demo", "--households", "12", "--weeks", "3", "--port", str(made.port), "--once"]
    done = made.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sign in as household-" in done.stdout
    assert re.search(r"/till +sign in as till@example.com with \S{12,}", done.stdout)
    figures = re.search(r"([\d,]+) entries and ([\d,]+) facts settled in (\d+) batches", done.stdout)
    assert figures is not None
    assert all(int(figure.replace(",", "")) > 0 for figure in figures.groups())
    assert re.search(r"sign in as owner@example\.com with [a-z2-9]{4}(-[a-z2-9]{4}){3} ", done.stdout)
    again = made.run(*words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "mereau staff reset-password owner@example.com" in again.stdout
    assert "owner@example.com with" not in again.stdout
    try:
        requests.get(f"{made.url}/healthz", timeout=2)
    except requests.ConnectionError:
        return
    raise AssertionError("the demo left a server behind")
