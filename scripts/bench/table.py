"""The table of figures: ratios first, because two machines agree on them and not on seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One line. `ratio` is how much better ours is (above 1), or how much of the floor or rival it costs or keeps."""

    what: str
    ratio: float
    ours: str
    beside: str
    """What it stands beside: floor or rival, with its own figure."""


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("×", justify="right")
    table.add_column("what")
    table.add_column("ours", justify="right")
    table.add_column("beside")
    for figure in figures:
        table.add_row(f"{figure.ratio:,.2f}", figure.what, figure.ours, figure.beside)
    console.print(table)


def show_parts(console: Console, title: str, parts: Sequence[tuple[str, float]]) -> None:
    """Where the time goes: seconds of each part, as shares of their sum."""
    total = sum(seconds for _, seconds in parts)
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("share", justify="right")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    for name, seconds in sorted(parts, key=lambda part: -part[1]):
        table.add_row(f"{seconds / total:.0%}", name, f"{seconds:.3f}")
    console.print(table)
