"""Plots of an audit as SVG text: bars and lines with presentation attributes alone, so that a page's policy may be strict.

Colours are set as attributes that read on light and dark paper; classes let a page's own style do better. Each plot has a
title and a sentence that says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from token_service.audit.state import DAY_SECONDS
from token_service.protocol import fields

WIDTH: Final = 360
HEIGHT: Final = 208
BUCKETS_MAX: Final = 24
"""Most bars beside each other; longer histories are summed over several days a bar."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 26
CREDITS: Final = ("issued", "adjusted_up", "restored", "moved_in")
DEBITS: Final = ("redeemed", "redeemed_by_signature", "donated", "expired", "reversed", "adjusted_down", "moved_out")
COLOURS: Final[Mapping[str, str]] = {
    "issued": "#2f8a62",
    "adjusted_up": "#6aa98b",
    "restored": "#8fbf6b",
    "moved_in": "#9aa7a0",
    "redeemed": "#b8682f",
    "redeemed_by_signature": "#d08a4e",
    "donated": "#a8763e",
    "expired": "#8b8174",
    "reversed": "#c04a3f",
    "adjusted_down": "#d9837a",
    "moved_out": "#9aa7a0",
}

Days = Mapping[int, Mapping[str, int]]


def points_by_kind(days: Days) -> str:
    """Bars over time: what came in above the line, what went out below it."""
    bars = _buckets(days)
    most = max((sum(bar.get(name, 0) for name in CREDITS) for _, bar in bars), default=0)
    least = max((sum(bar.get(name, 0) for name in DEBITS) for _, bar in bars), default=0)
    scale = _Scale(-least, most)
    parts = [scale.grid()]
    step = scale.width / max(1, len(bars))
    for position, (_, bar) in enumerate(bars):
        x = _LEFT + position * step + step * 0.12
        for names, sign in ((CREDITS, 1), (DEBITS, -1)):
            level = 0
            for name in names:
                points = bar.get(name, 0)
                if points:
                    top, bottom = scale.y(level + max(0, sign) * points), scale.y(level - max(0, -sign) * points)
                    parts.append(_rect(x, top, step * 0.76, bottom - top, colour=COLOURS[name], kind=name))
                    level += sign * points
    parts.append(_time_axis([day for day, _ in bars], step))
    title = f"Points by kind, {most:,} in at most and {least:,} out at most in one bar"
    return _svg(title, parts)


def outstanding(days: Days) -> str:
    """A line over time: what members hold altogether at the end of each bar."""
    bars = _buckets(days)
    level, levels = 0, []
    for _, bar in bars:
        level += sum(bar.get(name, 0) for name in CREDITS) - sum(bar.get(name, 0) for name in DEBITS)
        levels.append(level)
    scale = _Scale(min([0, *levels]), max([0, *levels]))
    step = scale.width / max(1, len(bars))
    parts = [scale.grid()]
    if levels:
        steps = [(_LEFT + position * step, scale.y(value)) for position, value in enumerate(levels)]
        line = " ".join(f"{x:.1f},{y:.1f} {x + step:.1f},{y:.1f}" for x, y in steps)
        base = f"{scale.y(0):.1f}"
        area = f"{_LEFT:.1f},{base} {line} {_LEFT + len(levels) * step:.1f},{base}"
        parts.append(f'<polygon points="{area}" fill="#b8682f" fill-opacity="0.15" class="soft"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="#b8682f" stroke-width="2" class="line"/>')
    parts.append(_time_axis([day for day, _ in bars], step))
    return _svg(f"Outstanding points, {level:,} at the end", parts)


def shares(named: Sequence[tuple[str, int, str]]) -> str:
    """One bar in parts: (name, points, colour) each; a part says its share beside its name."""
    total = sum(points for _, points, _ in named)
    parts, x = [], 0.0
    for _, points, colour in named:
        width = (WIDTH - 2) * points / total if total else 0.0
        if width:
            parts.append(_rect(1 + x, 8, width, 28, colour=colour, kind="share"))
        x += width
    parts.append(f'<rect x="1" y="8" width="{WIDTH - 2}" height="28" fill="none" stroke="#8b8174" class="frame"/>')
    for position, (name, points, colour) in enumerate(named):
        y = 64 + 24 * position
        share = f"{100 * points / total:.1f} %" if total else "0.0 %"
        parts.append(_rect(1, y - 11, 12, 12, colour=colour, kind="share"))
        parts.append(_text(22, y, name))
        parts.append(_text(WIDTH - 2, y, f"{share} · {points:,} points", anchor="end"))
    said = ", ".join(f"{points:,} points {name}" for name, points, _ in named)
    return _svg(f"Share of points: {said}", parts, height=64 + 24 * len(named))


def bars(title: str, named: Sequence[tuple[str, int]]) -> str:
    """Horizontal bars, one a name, each with its figure."""
    most = max((figure for _, figure in named), default=0)
    parts = []
    for position, (name, figure) in enumerate(named):
        y = 18 + 40 * position
        shown = name if len(name) <= 34 else name[:33] + "…"
        parts.append(_text(0, y, shown))
        parts.append(_text(WIDTH, y, f"{figure:,}", anchor="end"))
        parts.append(_rect(0, y + 7, max(1.0, WIDTH * figure / most) if figure else 0, 8, colour="#b8682f", kind="bar"))
    said = ", ".join(f"{name} {figure:,}" for name, figure in named)
    return _svg(f"{title}: {said}", parts, height=12 + 40 * max(1, len(named)))


class _Scale:
    """From points to heights, with a few round lines."""

    def __init__(self, least: int, most: int) -> None:
        self.width = WIDTH - _LEFT - _RIGHT
        self._step = _round_step(max(1, most - least) / 4)
        self._least = least // self._step * self._step
        self._most = max(self._step, -(-most // self._step) * self._step)

    def y(self, points: int) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (self._most - points) / (self._most - self._least)

    def grid(self) -> str:
        lines = []
        for points in range(self._least, self._most + 1, self._step):
            y, width = self.y(points), 1.2 if points == 0 else 0.6
            lines.append(
                f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8b8174" '
                f'stroke-width="{width}" stroke-opacity="0.7" class="{"grid" if points else "zero"}"/>'
            )
            lines.append(_text(_LEFT - 6, y + 4, _short(points), anchor="end"))
        return "".join(lines)


def _round_step(raw: float) -> int:
    """1, 2 or 5 times a power of ten, at least 1 and at least `raw`."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= raw:
                return factor * power
        power *= 10


def _buckets(days: Days) -> list[tuple[int, dict[str, int]]]:
    """(first day, sums) of equally long stretches of time, at most BUCKETS_MAX, empty ones included."""
    if not days:
        return []
    first, last = min(days), max(days)
    length = -(-(last - first + 1) // BUCKETS_MAX)
    found: dict[int, dict[str, int]] = {start: {} for start in range(first, last + 1, length)}
    for day, figures in days.items():
        bar = found[first + (day - first) // length * length]
        for name, points in figures.items():
            bar[name] = bar.get(name, 0) + points
    return sorted(found.items())


def _time_axis(days: Sequence[int], step: float) -> str:
    if not days:
        return _text(WIDTH / 2, HEIGHT / 2, "nothing happened yet", anchor="middle")
    first = _text(_LEFT, HEIGHT - 6, _date(days[0]))
    if len(days) == 1:
        return first
    return first + _text(_LEFT + len(days) * step, HEIGHT - 6, _date(days[-1]), anchor="end")


def _date(day: int) -> str:
    return fields.time_text(day * DAY_SECONDS)[:10]


def _short(points: int) -> str:
    """12 k, 3 M: what fits beside an axis; minus as −."""
    sign, size = ("−" if points < 0 else ""), abs(points)
    for unit, name in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if size >= unit:
            return f"{sign}{size / unit:g} {name}"
    return f"{sign}{size}"


def _rect(x: float, y: float, width: float, height: float, *, colour: str, kind: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(0.5, height):.1f}" '
        f'fill="{colour}" class="{kind}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" font-family="system-ui, sans-serif" fill="currentColor" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(title: str, parts: Sequence[str], *, height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="100%" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )
