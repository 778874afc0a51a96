"""How commands print: sentences for people on a terminal, one JSON object with `--json` for scripts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import click

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON object instead of sentences.")


def plain(value: Any) -> Any:
    """JSON-ready form of views: times as RFC 3339 UTC with Z, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def print_json(value: Any) -> None:
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def number(value: int) -> str:
    """1234567 as 1,234,567."""
    return f"{value:,}"
