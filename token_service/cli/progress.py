"""The progress bar of long commands: on a terminal it moves, in a log it prints a line now and then."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress_bar() -> Progress:
    """A bar on standard error with count and elapsed time."""
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=32, complete_style="rgb(154,79,29)", finished_style="rgb(31,107,74)"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        refresh_per_second=4,
    )
