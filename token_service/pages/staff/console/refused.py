"""What limits, ceilings and freezes refused, newest first, in plain words; of one merchant if asked."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from token_service.ledger.context import Actor
from token_service.ledger.merchants import public_merchants
from token_service.ledger.refusals import Refusal, list_refusals
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.translation import gettext

LINES_A_PAGE = 50


def add_to(pages: Blueprint) -> None:
    """Adds /console/refused."""
    add_page(pages, "/console/refused", "refused", refused, "trail:read")


def refused() -> ResponseReturnValue:
    """The lines asked for; ?merchant= narrows them down."""
    given = services()
    merchant = request.args.get("merchant", "").strip()[:60]
    page = list_refusals(
        given.context,
        Actor.admin(),
        merchant_id=merchant or None,
        limit=LINES_A_PAGE,
        cursor=request.args.get("cursor"),
    )
    return render_template(
        "staff/console/refused.html",
        program=given.ruleset().program,
        merchant=merchant,
        lines=[(one, why_in_words(one), asked_in_words(one.kind)) for one in page.data],
        older=page.next_cursor,
        is_first="cursor" not in request.args,
        merchants={one.id: one.name for one in public_merchants(given.context)},
    )


def why_in_words(refusal: Refusal) -> str:
    """Which limit it was, as a sentence."""
    limits = {
        "limits.per_member_day_points": gettext("A member would have had more points than a day allows."),
        "limits.per_merchant_day_points": gettext("The merchant would have given more points than a day allows."),
        "limits.program_day_points": gettext("The programme would have given more points than a day allows."),
        "limits.manual_issuance_points": gettext("That many points are not given by hand at once."),
        "limits.manual_issuance_day_points": gettext("One person would have given more by hand than a day allows."),
        "limits.adjustment_points": gettext("So large a correction needs a second person."),
        "limits.adjustment_day_points": gettext("One person would have corrected more alone than a day allows."),
        "redemption.min_points": gettext("So few points cannot be used at once."),
        "redemption.max_points": gettext("So many points cannot be used at once."),
        "redemption.step_points": gettext("Points are used in whole steps."),
        "redemption.per_member_day_points": gettext("A member would have used more points than a day allows."),
        "redemption.cool_down": gettext("The member had used points just before."),
    }
    codes = {
        "ceiling_reached": gettext("The merchant’s ceiling left no room."),
        "member_frozen": gettext("The member is frozen."),
        "own_card": gettext("It was the person’s own card."),
        "approval_needed": gettext("A second person must approve this."),
    }
    return limits.get(refusal.key or "") or codes.get(refusal.code) or gettext("A limit of the programme was reached.")


def asked_in_words(kind: str) -> str:
    """What was asked for."""
    return {
        "purchase": gettext("Purchase"),
        "event": gettext("Event"),
        "issuance": gettext("Points given by hand"),
        "adjustment": gettext("Correction"),
        "redemption": gettext("Use of points"),
        "quote": gettext("Use of points"),
        "hold": gettext("Hold"),
        "membership": gettext("Membership"),
        "donation": gettext("Gift to a cause"),
    }.get(kind, gettext("Work at the till"))
