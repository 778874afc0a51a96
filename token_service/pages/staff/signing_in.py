"""Staff sign in with e-mail address and password, change their password and language, and sign out."""

from __future__ import annotations

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import InvalidInput
from token_service.ledger.passwords import LENGTH_MAX, LENGTH_MIN
from token_service.ledger.sessions import normal_email
from token_service.ledger.staff import set_staff_locale
from token_service.ledger.staff_sessions import Refusal, change_password, end_staff_session, sign_in_staff
from token_service.pages.cookies import clear_cookie, hashed, new_secret, set_cookie
from token_service.pages.devices import device_name
from token_service.pages.languages import LANGUAGES
from token_service.pages.services import services
from token_service.pages.signing_in import EMAIL_CHARACTERS_MAX, client_address
from token_service.pages.staff.navigation import start
from token_service.pages.staff.rules import PUBLIC, SIGNED_IN, add_page
from token_service.pages.staff.signed_in import person, staff_session


def add_to(pages: Blueprint) -> None:
    """Adds the routes below /staff."""
    add_page(pages, "/staff", "home", home, SIGNED_IN)
    add_page(pages, "/staff/sign-in", "sign_in", sign_in, PUBLIC)
    add_page(pages, "/staff/sign-in", "check_password", check_password, PUBLIC, post=True)
    add_page(pages, "/staff/password", "password", password, SIGNED_IN)
    add_page(pages, "/staff/password", "set_password", set_password, SIGNED_IN, post=True)
    add_page(pages, "/staff/language", "set_language", set_language, SIGNED_IN, post=True)
    add_page(pages, "/staff/sign-out", "sign_out", sign_out, SIGNED_IN, post=True)


def home() -> ResponseReturnValue:
    """To the first page of the person's list."""
    return redirect(url_for("staff.password" if person().must_change else start(person())), 303)


def sign_in() -> ResponseReturnValue:
    if g.staff_session is not None:
        return redirect(url_for("staff.home"), 303)
    return _sign_in_page()


def check_password() -> ResponseReturnValue:
    """Opens a session for the right password; says the same for a wrong one and for an unknown address."""
    email = normal_email(request.form.get("email", ""))[:EMAIL_CHARACTERS_MAX]
    given = request.form.get("password", "")[: LENGTH_MAX + 1]
    token = new_secret()
    answer = sign_in_staff(
        services().context,
        email=email,
        password=given,
        client_address=client_address(request.remote_addr),
        token_hash=hashed(token),
        device=device_name(request.user_agent.string),
    )
    if isinstance(answer, Refusal):
        return _sign_in_page(answer.value, email), 429 if answer is Refusal.TOO_MANY else 422
    response = redirect(url_for("staff.home"), 303)
    set_cookie(response, "staff", token)
    return response


def password() -> ResponseReturnValue:
    return _password_page()


def set_password() -> ResponseReturnValue:
    """The new password, typed twice, once the old one is right."""
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _password_page("again"), 422
    current = request.form.get("current", "")[: LENGTH_MAX + 1]
    try:
        is_changed = change_password(services().context, staff_session(), current=current, new=new)
    except InvalidInput:
        return _password_page("same" if new == current else "length"), 422
    if not is_changed:
        return _password_page("current"), 422
    return redirect(url_for("staff.home"), 303)


def set_language() -> ResponseReturnValue:
    """The person's from now on."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(404)
    set_staff_locale(services().context, person().id, chosen)
    response = redirect(url_for("staff.home"), 303)
    set_cookie(response, "language", chosen)
    return response


def sign_out() -> ResponseReturnValue:
    end_staff_session(services().context, staff_session().id)
    response = redirect(url_for("staff.sign_in"), 303)
    clear_cookie(response, "staff")
    return response


def _sign_in_page(error: str | None = None, email: str = "") -> str:
    return render_template("staff/sign_in.html", error=error, email=email, program=services().ruleset().program)


def _password_page(error: str | None = None) -> str:
    return render_template(
        "staff/password.html", error=error, shortest=LENGTH_MIN, program=services().ruleset().program
    )
