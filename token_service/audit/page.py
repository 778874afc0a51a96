"""An audit's report as one page: no script, nothing from elsewhere, and a policy of its own that lets nothing else in.

Looks like the programme's own pages (a copper token on paper), in light and dark, on a phone and in print.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from token_service.audit import plots, sentences
from token_service.audit.page_style import STYLE
from token_service.audit.report import AuditReport, CheckResult, Status
from token_service.protocol import fields

MARKS: Final = {Status.HELD: "✓", Status.FAILED: "✗", Status.NOT_CHECKED: "?"}
VERDICT_KINDS: Final = {0: "held", 1: "failed", 2: "open"}
PARTIES_SHOWN: Final = 12
KIND_NAMES: Final = {name: name.replace("_", " ") for name in (*plots.CREDITS, *plots.DEBITS)}


def page(report: AuditReport) -> str:
    """The whole document as HTML text."""
    parts = (_verdict(report), _checks(report), _findings(report), _plots(report), _figures(report), _read(report))
    body = "\n".join(part for part in parts if part)
    policy = f"default-src 'none'; style-src '{_hash(STYLE)}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Audit of {escape(report.contract)}: {escape(sentences.VERDICTS[report.exit_code])}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _hash(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"sha256-{digest}"


def _verdict(report: AuditReport) -> str:
    kind = VERDICT_KINDS[report.exit_code]
    mark = {"held": "✓", "failed": "✗", "open": "?"}[kind]
    asked = [check for check in report.checks if check.is_requested]
    held = sum(check.status is Status.HELD for check in asked)
    block = f"block {sentences.number(report.block.number)} of {fields.time_text(report.block.timestamp)}"
    return (
        f'<header class="{kind}"><p class="seal" aria-hidden="true">{mark}</p><div>'
        f"<h1>{escape(sentences.VERDICTS[report.exit_code])}</h1>"
        f"<p>{held} of {len(asked)} requested checks held, as of {escape(block)}.</p>"
        f"<p>Witnessed by: {escape(report.witnessed_by)}</p></div></header>"
    )


def _checks(report: AuditReport) -> str:
    rows = "".join(_check(check) for check in report.checks)
    return (
        '<section><h2>Checks</h2><table class="checks"><thead><tr><th scope="col">Result</th><th scope="col">Check</th>'
        f'<th scope="col">What it says</th></tr></thead><tbody>{rows}</tbody></table></section>'
    )


def _check(check: CheckResult) -> str:
    kind = check.status.name.lower() if check.is_requested or check.status is Status.FAILED else "unasked"
    return (
        f'<tr class="{kind}"><td><b><span aria-hidden="true">{MARKS[check.status]}</span> {escape(check.status)}</b></td>'
        f'<th scope="row">{escape(check.name)}</th><td>{escape(sentences.what(check))}</td></tr>'
    )


def _findings(report: AuditReport) -> str:
    """What differs and what could not be checked, check by check; nothing when all is well."""
    said = []
    for check in report.checks:
        lines = sentences.details(check)
        if lines:
            items = "".join(
                f'<li class="{status.name.lower()}">{MARKS[status]} {escape(line)}</li>' for status, line in lines
            )
            said.append(f"<h3>{escape(check.name)}</h3><ul>{items}</ul>")
    return f"<section><h2>Findings</h2>{''.join(said)}</section>" if said else ""


def _plots(report: AuditReport) -> str:
    shown = [
        (
            "Points by kind",
            "in above the line, out below it, by day of settlement (UTC)",
            plots.points_by_kind(report.days),
        ),
        ("Outstanding points", "what members hold altogether", plots.outstanding(report.days)),
    ]
    tally = report.openings
    if tally is not None:
        named = (
            ("opened", tally.opened_points, "#2f8a62"),
            ("erased", tally.erased_points, "#8b8174"),
            ("withheld", tally.withheld_points, "#c04a3f"),
        )
        shown.append(("Opened, erased, withheld", "of all points that were moved by entries", plots.shares(named)))
    parties = sorted(report.parties, key=lambda party: (-party.entries, party.party))[:PARTIES_SHOWN]
    if parties:
        bars = [(f"{party.name} ({party.party})", party.entries) for party in parties]
        shown.append(
            ("Entries by merchant", "applied under each party's number", plots.bars("Entries by merchant", bars))
        )
    figures = "".join(
        f"<figure><figcaption><h3>{escape(name)}</h3><p>{escape(note)}</p></figcaption>{svg}{_legend(name, report)}</figure>"
        for name, note, svg in shown
    )
    return f'<section><h2>Over time</h2><div class="plots">{figures}</div></section>'


def _legend(name: str, report: AuditReport) -> str:
    """The colours of the kinds that occur."""
    if name != "Points by kind":
        return ""
    there = [kind for kind in KIND_NAMES if report.totals.get(kind)]
    items = "".join(
        f'<li><svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><rect width="12" height="12" '
        f'fill="{plots.COLOURS[kind]}"/></svg> {escape(KIND_NAMES[kind])}</li>'
        for kind in there
    )
    return f'<ul class="legend">{items}</ul>' if there else ""


def _figures(report: AuditReport) -> str:
    totals = "".join(
        f'<tr><th scope="row">{escape(said)}</th>'
        f'<td class="figure">{sentences.number(report.totals.get(name, 0))}</td></tr>'
        for name, said in KIND_NAMES.items()
    )
    parties = "".join(
        f'<tr><th scope="row">{escape(party.name)} ({party.party})</th><td class="figure">{sentences.number(party.entries)}</td>'
        f'<td class="figure">{sentences.number(party.points)}</td></tr>'
        for party in report.parties
    )
    return (
        '<section><h2>Figures</h2><div class="plots"><div><table><thead><tr><th scope="col">Points</th>'
        f'<th scope="col" class="figure">in all</th></tr></thead><tbody>{totals}</tbody></table></div>'
        '<div><table><thead><tr><th scope="col">Merchant or cause</th><th scope="col" class="figure">Entries</th>'
        f'<th scope="col" class="figure">Points</th></tr></thead><tbody>{parties}</tbody></table></div></div></section>'
    )


def _read(report: AuditReport) -> str:
    lines = "".join(f"<li>{escape(line.strip())}</li>" for line in sentences.read_lines(report))
    lanes = "".join(
        f"<li>operator {escape(operator)}: {sentences.number(seq)} batches</li>"
        for operator, seq in sorted(report.sequences.items())
    )
    return f'<section class="read"><h2>What was read</h2><ul>{lines}{lanes}</ul></section>'
