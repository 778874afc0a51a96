"""Signing in once more before something that cannot be undone: a code by mail, and a session that was opened just now.

The address says what it is for, and so where it leads back to.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.sessions import choose_member, end_session
from token_service.pages.cookies import clear_cookie, read_cookie, set_cookie
from token_service.pages.services import services
from token_service.pages.signed_in import member_id, session
from token_service.pages.signing_in import open_session, send_code

FRESH_FOR: Final = timedelta(minutes=15)
BACK_TO: Final = {"own-wallet": "pages.own_wallet", "people": "pages.people"}


def add_to(pages: Blueprint) -> None:
    """Adds /confirm."""
    pages.add_url_rule("/confirm", "confirm", confirm)
    pages.add_url_rule("/confirm", "ask_to_confirm", ask_to_confirm, methods=["POST"])
    pages.add_url_rule("/confirm/code", "check_confirmation", check_confirmation, methods=["POST"])


def is_fresh() -> bool:
    """Whether the member has signed in within the last quarter of an hour."""
    return session().created_at >= services().context.now() - FRESH_FOR


def confirm() -> ResponseReturnValue:
    return _page()


def ask_to_confirm() -> ResponseReturnValue:
    """Sends a code to the address of this session."""
    ticket = send_code(session().email)
    if ticket is None:
        return _page("too_many"), 429
    response = redirect(url_for("pages.confirm", purpose=_purpose()), 303)
    set_cookie(response, "ticket", ticket)
    return response


def check_confirmation() -> ResponseReturnValue:
    """The same member, signed in anew; the session of before is over."""
    before, member = session(), member_id()
    opened = open_session(read_cookie("ticket"), request.form.get("code", ""))
    if opened.session is None:
        return _page(opened.error), 422
    context = services().context
    if opened.session.email != before.email or not choose_member(context, opened.session, member):
        return _page("expired"), 422
    end_session(context, email=before.email, session_id=before.id)
    response = redirect(url_for(BACK_TO[_purpose() or "own-wallet"]), 303)
    clear_cookie(response, "ticket")
    set_cookie(response, "session", opened.token)
    return response


def _page(error: str | None = None) -> str:
    has_asked = read_cookie("ticket") is not None and error not in ("expired", "too_many_attempts")
    purpose = _purpose()
    return render_template(
        "confirm.html",
        error=error,
        has_asked=has_asked,
        email=session().email,
        program=services().ruleset().program,
        purpose=purpose,
        back=BACK_TO[purpose or "own-wallet"],
    )


def _purpose() -> str | None:
    """What the address says; None for leaving with the points, which needs no word."""
    asked = request.args.get("purpose")
    return asked if asked in BACK_TO else None
