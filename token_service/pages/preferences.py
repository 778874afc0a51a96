"""Preferences: language, and the devices that are signed in."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.sessions import end_session, members_with_email, sessions_of, set_locale
from token_service.pages.cookies import clear_cookie, set_cookie
from token_service.pages.languages import LANGUAGES
from token_service.pages.services import services
from token_service.pages.signed_in import member_id, session


def add_to(pages: Blueprint) -> None:
    """Adds /preferences and what it can change."""
    pages.add_url_rule("/preferences", "preferences", preferences)
    pages.add_url_rule("/preferences/language", "set_language", set_language, methods=["POST"])
    pages.add_url_rule("/sessions/<session_id>/end", "end", end, methods=["POST"])


def preferences() -> ResponseReturnValue:
    given = services()
    return render_template(
        "preferences.html",
        email=session().email,
        current=session(),
        sessions=sessions_of(given.context, session().email),
        has_other_cards=len(members_with_email(given.context, session().email)) > 1,
        program=given.ruleset().program,
    )


def set_language() -> ResponseReturnValue:
    """The member's from now on, on every device and in mails."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(404)
    set_locale(services().context, member_id=member_id(), locale=chosen)
    response = redirect(url_for("pages.preferences"), 303)
    set_cookie(response, "language", chosen)
    return response


def end(session_id: str) -> ResponseReturnValue:
    """Signs one of this address's devices out."""
    if not end_session(services().context, email=session().email, session_id=session_id):
        abort(404)
    if session_id != session().id:
        return redirect(url_for("pages.preferences"), 303)
    response = redirect(url_for("pages.sign_in"), 303)
    clear_cookie(response, "session")
    return response
