"""Pairs of bars as an SVG file of its own, readable in the light and in the dark: points by month under two rulesets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from token_service.cli.output import number
from token_service.program.what_if import Outcome

WIDTH: Final = 720
HEIGHT: Final = 300
FLOOR: Final = 250
LEFT: Final = 70
TOP: Final = 40
STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#6b6257}.a{fill:#8b8174}.b{fill:#9a4f1d}.l{stroke:#e5ddd1}"
    "@media (prefers-color-scheme:dark){text{fill:#b0a594}.b{fill:#e29a63}.l{stroke:#38312a}}"
)


def plot_svg(base: Outcome, draft: Outcome, names: tuple[str, str] = ("in force", "draft")) -> str:
    """Points by month; `names` stand in its legend. Months without purchases between two others are left out."""
    return bars_svg("Points by month", (base.by_month, draft.by_month), names)


def bars_svg(title: str, series: tuple[Mapping[str, int], Mapping[str, int]], names: tuple[str, str]) -> str:
    """Two bars for each label, in the labels' order; `names` stand in the legend."""
    labels = sorted(series[0].keys() | series[1].keys())
    most = max([1, *series[0].values(), *series[1].values()])
    step = (WIDTH - LEFT - 10) / max(1, len(labels))
    width = min(24.0, step * 0.36)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><style>{STYLE}</style>',
        *_legend(names),
        *_ruler(most),
    ]
    every = -(-len(labels) // 12) or 1
    for index, label in enumerate(labels):
        middle = LEFT + index * step + step / 2
        for css, values, x in (("a", series[0], middle - width), ("b", series[1], middle)):
            tall = (FLOOR - TOP) * values.get(label, 0) / most
            parts.append(
                f'<rect class="{css}" x="{x:.1f}" y="{FLOOR - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
            )
        if index % every == 0:
            parts.append(f'<text x="{middle:.0f}" y="{FLOOR + 18}" text-anchor="middle">{escape(label)}</text>')
    return "\n".join((*parts, "</svg>\n"))


def _legend(names: tuple[str, str]) -> Iterator[str]:
    second = LEFT + 40 + 7 * len(names[0])
    for css, x, name in (("a", LEFT, names[0]), ("b", second, names[1])):
        yield f'<rect class="{css}" x="{x}" y="10" width="10" height="10"/><text x="{x + 15}" y="19">{escape(name)}</text>'


def _ruler(most: int) -> Iterator[str]:
    for share in (0, 0.5, 1):
        y = FLOOR - share * (FLOOR - TOP)
        yield f'<line class="l" x1="{LEFT}" x2="{WIDTH}" y1="{y:.0f}" y2="{y:.0f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{escape(number(round(most * share)))}</text>'
