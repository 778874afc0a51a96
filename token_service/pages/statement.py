"""The statement: every line with the balance after it, page by page, to print, and as one file for a spreadsheet.

Each page adds up in itself: the balance before its lines, plus their points, is the balance after them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from token_service.ledger.members import get_member
from token_service.ledger.statements import list_entries
from token_service.ledger.views import EntryView
from token_service.pages.languages import page_language
from token_service.pages.lines import CANCELLED, SEALED, StatementLine, line_of
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.pages.translation import gettext

LINES_A_PAGE: Final = 100
SEPARATORS: Final = {"fr": ";", "en": ","}
"""What a spreadsheet in that language takes between two cells: in French the comma is in the numbers."""
BYTE_ORDER_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without it a spreadsheet does not read UTF-8."""
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")


@dataclass(frozen=True)
class Span:
    """Lines of one page, newest first, and the balances around them."""

    lines: tuple[StatementLine, ...]
    before: int
    after: int


def add_to(pages: Blueprint) -> None:
    """Adds /statement and /statement.csv."""
    pages.add_url_rule("/statement", "statement", statement)
    pages.add_url_rule("/statement.csv", "statement_file", statement_file)


def statement() -> ResponseReturnValue:
    """The newest lines, or with ?cursor= older ones."""
    given, cursor = services(), request.args.get("cursor")
    entries = list_entries(given.context, actor(), member_id(), limit=LINES_A_PAGE, cursor=cursor)
    return render_template(
        "statement.html",
        program=given.ruleset().program,
        member=get_member(given.context, actor(), member_id()),
        span=span_of(entries.data),
        now=given.context.now(),
        older=entries.next_cursor,
        is_first=cursor is None,
    )


def statement_file() -> ResponseReturnValue:
    """Every line since enrolment, oldest first, as CSV: the points sum to the last line's balance."""
    first = list_entries(services().context, actor(), member_id(), limit=LINES_A_PAGE, newest_first=False)
    answer = Response(stream_with_context(_rows(first.data, first.next_cursor)), mimetype="text/csv")
    name = gettext("statement")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def span_of(entries: Sequence[EntryView]) -> Span:
    """The entries, newest first, as lines that add up; no entries leave the balance at 0."""
    if not entries:
        return Span((), 0, 0)
    oldest = entries[-1]
    return Span(
        lines=tuple(line_of(entry) for entry in entries),
        before=oldest.balance_after - oldest.points,
        after=entries[0].balance_after,
    )


def safe_cell(text: str) -> str:
    """The text as a spreadsheet shows it and never runs it: what looks like a formula is led by an apostrophe (OWASP)."""
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) or text.startswith(FORMULA_STARTS) else text


def _rows(entries: Sequence[EntryView], cursor: str | None) -> Iterator[str]:
    yield BYTE_ORDER_MARK
    about = (gettext("Date"), gettext("What"), gettext("About"))
    yield _row((*about, gettext("Points"), gettext("Balance"), gettext("State"), gettext("Line")))
    zone = ZoneInfo(services().ruleset().program.time_zone)
    while True:
        for entry in entries:
            yield _row(_cells(line_of(entry), zone))
        if cursor is None:
            return
        page = list_entries(
            services().context, actor(), member_id(), limit=LINES_A_PAGE, cursor=cursor, newest_first=False
        )
        entries, cursor = page.data, page.next_cursor


def _cells(line: StatementLine, zone: ZoneInfo) -> tuple[str, ...]:
    states = {SEALED: gettext("recorded and checkable"), CANCELLED: gettext("cancelled")}
    return (
        line.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        safe_cell(line.title),
        safe_cell(line.about or ""),
        str(line.points),
        str(line.balance),
        states.get(line.state, gettext("recorded, being written in the register")),
        line.id,
    )


def _row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=SEPARATORS[page_language()]).writerow(cells)
    return text.getvalue()
