"""The figures of a replay as a small drawing: pairs of bars, numbers only; the template puts them into an SVG."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from token_service.ledger.replayed_totals import Replay, ReplayedDay
from token_service.pages import formats

WIDTH: Final = 640
HEIGHT: Final = 152
FLOOR: Final = 150
"""Where the bars stand."""
TOP: Final = 4
BARS_MAX: Final = 31


@dataclass(frozen=True)
class Bar:
    """One span of days: points given and under the other rules, with where their bars stand in the drawing."""

    label: str
    given: int
    other: int
    x: float
    width: float
    given_height: float
    other_height: float


@dataclass(frozen=True)
class Plot:
    """The whole drawing. `most`: the points that the highest bar stands for."""

    bars: tuple[Bar, ...]
    most: int
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = FLOOR


def plot_of(replay: Replay) -> Plot | None:
    """None when there is nothing to draw. Days are put together so that there are at most 31 pairs of bars."""
    if not replay.days:
        return None
    spans = _spans(replay.days)
    most = max(1, *(max(given, other) for _, given, other in spans))
    step = WIDTH / len(spans)
    width = round(min(18.0, step * 0.36), 2)
    bars = tuple(
        Bar(label, given, other, round(index * step + step / 2, 2), width, _height(given, most), _height(other, most))
        for index, (label, given, other) in enumerate(spans)
    )
    return Plot(bars, most)


def _spans(days: tuple[ReplayedDay, ...]) -> list[tuple[str, int, int]]:
    """(label, given, other) of equally long spans, days without purchases too."""
    first, last = date.fromisoformat(days[0].date), date.fromisoformat(days[-1].date)
    length = -(-((last - first).days + 1) // BARS_MAX)
    sums: dict[int, list[int]] = {index: [0, 0] for index in range((last - first).days // length + 1)}
    for day in days:
        found = sums[(date.fromisoformat(day.date) - first).days // length]
        found[0] += day.given
        found[1] += day.other
    return [
        (formats.calendar_day(first + timedelta(days=index * length)), given, other)
        for index, (given, other) in sums.items()
    ]


def _height(points: int, most: int) -> float:
    return round((FLOOR - TOP) * points / most, 2)
