"""What merchants owe one another, and causes, for some days: a page, and the same as a file for the bookkeeping."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import InvalidInput
from token_service.ledger.net_settlement import DAYS_MAX, NetSettlement, net_settlement
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.statement import safe_cell
from token_service.pages.translation import gettext
from token_service.program.durations import zone as in_zone


def add_to(pages: Blueprint) -> None:
    """Adds /console/merchants/owed and its file."""
    add_page(pages, "/console/merchants/owed", "owed", owed, "merchants:read")
    add_page(pages, "/console/merchants/owed.csv", "owed_file", owed_file, "merchants:read")


def owed() -> ResponseReturnValue:
    """Who gets and who pays what in the end, and each pair; the month before this one, unless days are named."""
    since, until = _days()
    found = _settled(since, until)
    if found is None:
        return _page(since, until, None, wrong=True), 422
    return _page(since, until, found)


def owed_file() -> ResponseReturnValue:
    """The pairs as CSV, as `mereau merchant settlement --csv` writes them."""
    since, until = _days()
    found = _settled(since, until)
    if found is None:
        return _page(since, until, None, wrong=True), 422
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    for row in found.table():
        writer.writerow([safe_cell(one) if isinstance(one, str) else one for one in row])
    answer = Response(written.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{since}-{until}.csv"'
    return answer


def _page(since: str, until: str, found: NetSettlement | None, *, wrong: bool = False) -> str:
    mistake = gettext(
        "Write two days as 2026-11-30, the second not before the first, at most %(days)s in all.", days=DAYS_MAX
    )
    return render_template(
        "staff/console/owed.html",
        program=services().ruleset().program,
        since=since,
        until=until,
        found=found,
        mistake=mistake if wrong else None,
        file=url_for("staff.owed_file", since=since, until=until),
    )


def _days() -> tuple[str, str]:
    """The days that are named, as they were written; else those of the last whole month on the programme's clock."""
    zone = services().ruleset().program.time_zone
    first = services().context.now().astimezone(in_zone(zone)).date().replace(day=1)
    last_month = first - timedelta(days=1)
    since = request.args.get("since", "").strip()[:10] or last_month.replace(day=1).isoformat()
    return since, request.args.get("until", "").strip()[:10] or last_month.isoformat()


def _settled(since: str, until: str) -> NetSettlement | None:
    """None for days that are none, or no period."""
    try:
        days = date.fromisoformat(since), date.fromisoformat(until)
        return net_settlement(services().context, person().actor, *days)
    except (ValueError, InvalidInput):
        return None
