"""The trail: what staff did, newest first, in plain words; of one person, about one member or one merchant if asked."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from token_service.ledger.merchants import public_merchants
from token_service.ledger.staff import list_people
from token_service.ledger.staff_trail import list_actions
from token_service.pages.services import services
from token_service.pages.staff.console.deeds import told
from token_service.pages.staff.rules import add_page

LINES_A_PAGE = 50


def add_to(pages: Blueprint) -> None:
    """Adds /console/trail."""
    add_page(pages, "/console/trail", "trail", trail, "trail:read")


def trail() -> ResponseReturnValue:
    """The lines asked for; ?person=, ?member=, ?merchant= narrow them down."""
    given = services()
    people = list_people(given.context)
    asked = {name: request.args.get(name, "").strip()[:60] for name in ("person", "member", "merchant")}
    page = list_actions(
        given.context,
        staff_id=asked["person"] or None,
        member_id=asked["member"] or None,
        merchant_id=asked["merchant"] or None,
        limit=LINES_A_PAGE,
        cursor=request.args.get("cursor"),
    )
    return render_template(
        "staff/console/trail.html",
        program=given.ruleset().program,
        asked=asked,
        is_narrowed=any(asked.values()),
        lines=[told(action) for action in page.data],
        older=page.next_cursor,
        is_first="cursor" not in request.args,
        people=people,
        names={one.id: one.name for one in people},
        merchants={merchant.id: merchant.name for merchant in public_merchants(given.context)},
    )
