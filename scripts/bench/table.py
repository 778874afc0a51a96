"""The table of figures: ratios first, because two machines agree on them and not on seconds; each target beside its ratio."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Table

HEADINGS = ("×", "target", "what", "ours", "beside")


@dataclass(frozen=True)
class Target:
    """What a line is measured for, in words, and whether it is so."""

    words: str
    is_met: bool

    def __str__(self) -> str:
        return f"{self.words}: {'met' if self.is_met else 'NOT MET'}"


def at_least(least: float, ratio: float) -> Target:
    return Target(f"≥ {least:g} ×", ratio >= least)


@dataclass(frozen=True)
class Figure:
    """One line. `ratio` is how much better ours is (above 1), or how much of the floor or rival it costs or keeps."""

    what: str
    ratio: float
    ours: str
    beside: str
    """What it stands beside: floor or rival, with its own figure."""
    target: Target | None = None

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """In the order of HEADINGS."""
        return f"{self.ratio:,.2f}", str(self.target or "–"), self.what, self.ours, self.beside


@dataclass(frozen=True)
class Breakdown:
    """Where the time of one measurement goes: seconds of each part."""

    title: str
    seconds: Sequence[tuple[str, float]]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Share of the sum, part, seconds; the largest first."""
        total = sum(seconds for _, seconds in self.seconds)
        largest_first = sorted(self.seconds, key=lambda part: -part[1])
        return [(f"{seconds / total:.0%}", name, f"{seconds:.3f}") for name, seconds in largest_first]


@dataclass
class Report:
    """Everything that one run measured."""

    figures: list[Figure] = field(default_factory=list)
    breakdowns: list[Breakdown] = field(default_factory=list)

    @property
    def missed(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.target is not None and not figure.target.is_met]


TITLE = "Méreau's figures on this machine"
PART_HEADINGS = ("share", "part", "seconds")


def show(console: Console, report: Report) -> None:
    _show(console, TITLE, HEADINGS, [figure.cells for figure in report.figures])
    for part in report.breakdowns:
        _show(console, part.title, PART_HEADINGS, part.rows)
    console.print(summary(report))


def summary(report: Report) -> str:
    """One sentence on the targets that were measured."""
    count = sum(figure.target is not None for figure in report.figures)
    if not report.missed:
        return f"All {count} targets that were measured are met."
    names = "; ".join(figure.what for figure in report.missed)
    return f"{len(report.missed)} of {count} targets that were measured are not met: {names}."


def markdown(report: Report) -> str:
    """The same as a Markdown page."""
    lines = [f"# {TITLE}", "", f"{machine()}. What each line means: docs/bench.md.", ""]
    lines += _markdown_table(HEADINGS, [figure.cells for figure in report.figures])
    lines += ["", summary(report)]
    for part in report.breakdowns:
        lines += ["", f"## {part.title}", "", *_markdown_table(PART_HEADINGS, part.rows)]
    return "\n".join(lines) + "\n"


def machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}"


def _show(console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify=_justify(heading))
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _justify(heading: str) -> str:
    return "right" if heading in {"×", "share", "seconds"} else "left"


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["--:" if _justify(heading) == "right" else "---" for heading in headings]
    return [f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows)]
