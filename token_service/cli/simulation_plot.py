"""Points by month under two rulesets, as an SVG file of its own: pairs of bars, readable in the light and in the dark."""

from __future__ import annotations

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
    """The drawing; `names` stand in its legend. Months without purchases between two others are left out."""
    months = sorted(base.by_month.keys() | draft.by_month.keys())
    most = max([1, *base.by_month.values(), *draft.by_month.values()])
    step = (WIDTH - LEFT - 10) / max(1, len(months))
    width = min(24.0, step * 0.36)
    second = LEFT + 40 + 7 * len(names[0])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Points by month"><style>{STYLE}</style>',
        f'<rect class="a" x="{LEFT}" y="10" width="10" height="10"/><text x="{LEFT + 15}" y="19">{escape(names[0])}</text>',
        f'<rect class="b" x="{second}" y="10" width="10" height="10"/><text x="{second + 15}" y="19">{escape(names[1])}</text>',
    ]
    for share in (0, 0.5, 1):
        y = FLOOR - share * (FLOOR - TOP)
        parts.append(f'<line class="l" x1="{LEFT}" x2="{WIDTH}" y1="{y:.0f}" y2="{y:.0f}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{escape(number(round(most * share)))}</text>'
        )
    every = -(-len(months) // 12) or 1
    for index, month in enumerate(months):
        middle = LEFT + index * step + step / 2
        for css, outcome, x in (("a", base, middle - width), ("b", draft, middle)):
            tall = (FLOOR - TOP) * outcome.by_month.get(month, 0) / most
            parts.append(
                f'<rect class="{css}" x="{x:.1f}" y="{FLOOR - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
            )
        if index % every == 0:
            parts.append(f'<text x="{middle:.0f}" y="{FLOOR + 18}" text-anchor="middle">{escape(month)}</text>')
    return "\n".join((*parts, "</svg>\n"))
