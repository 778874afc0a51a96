"""The alarms for Prometheus name figures that /metrics has, and say what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"mereau_[a-z_]+")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DOCS / "alarms.yml").read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_each_rule_is_about_a_figure_of_the_documented_table() -> None:
    """A test of the pages compares that table with what /metrics answers."""
    text = (DOCS / "operators.md").read_text("utf-8")
    table = {name for line in text.splitlines() if line.startswith("| `mereau_") for name in NAME.findall(line)}
    assert len(rules()) >= 9
    for rule in rules():
        named = NAME.findall(rule["expr"])
        assert named, rule["alert"]
        assert set(named) <= table, rule["alert"]


def test_each_rule_says_what_it_means_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["description"].endswith("."), rule["alert"]
