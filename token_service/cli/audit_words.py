"""What an audit's report says in sentences, for the terminal and the page alike."""

from __future__ import annotations

from token_service.audit.report import AuditReport
from token_service.cli.output import number


def opening_lines(report: AuditReport) -> list[str]:
    """What was opened and what was not; nothing without openings."""
    tally = report.openings
    if tally is None:
        return []
    shares = ", ".join(
        f"{percent(points, tally.points)} {how}"
        for how, points in (
            ("opened", tally.opened_points),
            ("erased", tally.erased_points),
            ("withheld", tally.withheld_points),
        )
    )
    lines = [f"Of {number(tally.points)} points moved: {shares}; {number(tally.accounts)} accounts replayed"]
    if tally.not_interpreted:
        kinds = ", ".join(f"{number(count)} {kind}" for kind, count in sorted(tally.not_interpreted.items()))
        lines.append(f"Facts of kinds that this auditor does not know, counted and not interpreted: {kinds}")
    if tally.overdue_awards:
        awards = f"{number(tally.overdue_points)} points of {number(tally.overdue_awards)} awards"
        lines.append(f"{awards} wait past the end of their return window")
    if tally.waiting:
        lines.append(f"Leaves of {number(len(tally.waiting))} frozen accounts wait for an earlier one")
    return lines


def percent(part: int, whole: int) -> str:
    """A share with one decimal."""
    return f"{100 * part / whole if whole else 0:.1f} %"
