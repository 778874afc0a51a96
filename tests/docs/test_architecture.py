"""docs/architecture.md names files, functions and rooms that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from documents import ROOT

TEXT = (ROOT / "docs/architecture.md").read_text("utf-8")
FILES = sorted(set(re.findall(r"`([\w/]+\.(?:py|sol))`", TEXT)))
FUNCTIONS = re.findall(r"`([\w/]+\.(?:py|sol))` `(\w+)`", TEXT)


def path_of(name: str) -> Path:
    return ROOT / name if name.startswith("contracts/") else ROOT / "token_service" / name


@pytest.mark.parametrize("name", FILES)
def test_every_file_exists(name: str) -> None:
    assert path_of(name).is_file()


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_every_function_is_in_its_file(name: str, function: str) -> None:
    assert re.search(rf"^\s*(?:def|function) {function}\(", path_of(name).read_text("utf-8"), re.MULTILINE)


def test_the_way_of_a_purchase_is_told_step_by_step() -> None:
    steps = [int(step) for step in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(FILES) > 25


def test_every_room_is_in_the_table() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = {room for layer in contracts[0]["layers"] for room in layer.split(" | ")}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", TEXT, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert rooms - {"__main__", "units", "errors"} == named
