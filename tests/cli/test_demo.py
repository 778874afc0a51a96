"""The demo, small: the same path as `make demo`, on a few households."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from token_service.cli.demo import demo
from token_service.errors import BadSettings

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


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Méreau on it would answer in our server's place, and nothing would ever settle."""
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path / "var"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(demo, ["--once", "--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, BadSettings)
    assert "choose another --port" in result.exception.detail
    assert not (tmp_path / "var").exists()
