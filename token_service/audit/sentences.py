"""What an audit's report says in sentences, for the terminal and the page alike."""

from __future__ import annotations

from typing import Final

from token_service.audit.report import CHECKS, AuditReport, CheckResult, Status
from token_service.protocol import fields

VERDICTS: Final = {0: "All requested checks held.", 1: "Something differs.", 2: "Something could not be checked."}
FINDINGS_SHOWN: Final = 20


def number(value: int) -> str:
    """1234567 as 1,234,567."""
    return f"{value:,}"


def count(counts: dict[str, int], name: str) -> str:
    """`1 batch`, `62 entries`."""
    one = {"batches": "batch", "entries": "entry", "leaves": "leaf", "facts": "fact"}[name]
    return f"{number(counts[name])} {one if counts[name] == 1 else name}"


def read_lines(report: AuditReport) -> list[str]:
    """What was read, as of which block, since when, and who could tell if the chain had been rebuilt."""
    block, counts = report.block, report.counts
    return [
        f"Contract {report.contract} on chain {report.chain_id}, node {report.node}",
        f"Read as of block {number(block.number)} ({block.tag}) of {fields.time_text(block.timestamp)}",
        f"  {block.hash}",
        f"Audited from block {number(report.from_block)} on. Since the contract was made:",
        f"  {count(counts, 'batches')} · {count(counts, 'entries')} · {number(counts['skipped'])} skipped · "
        f"{count(counts, 'leaves')}, {count(counts, 'facts')} among them",
        *opening_lines(report),
        f"witnessed by: {report.witnessed_by}",
    ]


def what(check: CheckResult) -> str:
    """What a check says when it holds."""
    return CHECKS[check.name] if check.is_requested else f"{CHECKS[check.name]} (not asked for)"


def details(check: CheckResult) -> list[tuple[Status, str]]:
    """Its findings and reasons, the first of each, and how many more there are."""
    said = [(Status.FAILED, str(finding)) for finding in check.findings[:FINDINGS_SHOWN]]
    more = check.findings_count - FINDINGS_SHOWN
    if more > 0:
        said.append((Status.FAILED, f"… {number(more)} more findings (--json has 100)"))
    return said + [(Status.NOT_CHECKED, reason) for reason in check.reasons[:FINDINGS_SHOWN]]


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
    for source, points in sorted(tally.brought_in.items()):
        lines.append(
            f"{number(points)} points brought in from an earlier programme ({source}): no rule of this one gave them"
        )
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
