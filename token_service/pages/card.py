"""The member's card: a QR code and the same eight characters as text, for a till to read. Every view draws a new code."""

from __future__ import annotations

import segno
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from token_service.ledger.member_codes import LIFETIME, new_code
from token_service.ledger.members import get_member
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id

QUIET_ZONE_MODULES = 4
"""ISO/IEC 18004 asks for as much white around it."""
DARK, LIGHT = "#1f1b16", "#ffffff"
"""Dark on light in either theme: many scanners read nothing else."""


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
        qr=qr_code(shown.code),
        seconds=int(LIFETIME.total_seconds()),
    )


def qr_code(code: str) -> Markup:
    """An SVG of 21 × 21 modules that holds the code and nothing else: a scanner that acts as a keyboard types just that. Without
    its hyphen, of which some keyboard layouts make something else. A third of it may be covered."""
    drawn = segno.make_qr(code.replace("-", ""), version=1, error="h")
    svg = drawn.svg_inline(
        border=QUIET_ZONE_MODULES, dark=DARK, light=LIGHT, omitsize=True, svgclass="qr", lineclass=None
    )
    return Markup(svg)  # drawn here, from characters of our own alphabet
