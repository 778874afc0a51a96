"""The member's card: a QR code and the same eight characters as text, for a till to read. Every view draws a new code."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from token_service.ledger.member_codes import LIFETIME, new_code
from token_service.ledger.members import get_member
from token_service.pages.qr import qr
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id


def add_to(pages: Blueprint) -> None:
    """Adds /card."""
    pages.add_url_rule("/card", "card", card)


def card() -> ResponseReturnValue:
    """A code that lives for five minutes; the page's script asks for the next one in time."""
    context = services().context
    shown = new_code(context, actor())
    return render_template(
        "card.html",
        program=services().ruleset().program,
        member=get_member(context, actor(), member_id()),
        shown=shown,
        qr=drawn(shown.code),
        seconds=int(LIFETIME.total_seconds()),
    )


def drawn(code: str) -> Markup:
    """A QR code of 21 × 21 modules that holds the code and nothing else: a scanner that acts as a keyboard types just that.
    Without its hyphen, of which some keyboard layouts make something else. A third of it may be covered.
    """
    return qr(code.replace("-", ""), error="h")
