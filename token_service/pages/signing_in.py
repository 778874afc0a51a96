"""Signing in: an e-mail address, the six digits sent to it, and, when several cards share the address, which one.

Known and unknown addresses get the same answers at every step. Codes and their limits: ledger/sessions.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from token_service.ledger.sessions import (
    CODE_LIFETIME,
    Session,
    answer_code,
    choose_member,
    code_recipient,
    end_session,
    members_with_email,
    normal_email,
    record_code,
)
from token_service.pages.cookies import clear_cookie, hashed, new_secret, read_cookie, set_cookie
from token_service.pages.devices import device_name
from token_service.pages.languages import LANGUAGES, language_of, page_language
from token_service.pages.mail import Mail
from token_service.pages.services import services
from token_service.pages.signed_in import session
from token_service.pages.translation import gettext, in_language

CODE_DIGITS: Final = 6
EMAIL_CHARACTERS_MAX: Final = 254
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")
_CODE: Final = re.compile(r"[0-9]{6}")
BACK_TO: Final = {
    "sign-in": "pages.sign_in",
    "code": "pages.code",
    "transparency": "pages.transparency",
    "staff": "staff.sign_in",
}
"""Where switching the language may lead back to; anything else leads home."""


def add_to(pages: Blueprint) -> None:
    """Adds the routes of signing in and out."""
    pages.add_url_rule("/", "home", home)
    pages.add_url_rule("/sign-in", "sign_in", sign_in)
    pages.add_url_rule("/sign-in", "ask_for_code", ask_for_code, methods=["POST"])
    pages.add_url_rule("/sign-in/code", "code", code)
    pages.add_url_rule("/sign-in/code", "check_code", check_code, methods=["POST"])
    pages.add_url_rule("/choose", "choose", choose)
    pages.add_url_rule("/choose", "choose_member", choose_member_posted, methods=["POST"])
    pages.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    pages.add_url_rule("/language", "switch_language", switch_language, methods=["POST"])


def home() -> ResponseReturnValue:
    return redirect(url_for("pages.wallet"), 303)


def sign_in() -> ResponseReturnValue:
    return _sign_in_page()


def ask_for_code() -> ResponseReturnValue:
    """Sends a code if the address is a member's, and goes on to the next page in any case."""
    email = normal_email(request.form.get("email", ""))
    if not is_email(email):
        return _sign_in_page("email"), 422
    ticket = send_code(email)
    if ticket is None:
        return _sign_in_page("too_many"), 429
    response = redirect(url_for("pages.code"), 303)
    set_cookie(response, "ticket", ticket)
    return response


def is_email(text: str) -> bool:
    """Whether this normalised text looks like an e-mail address; whether it is somebody's, a mail shows."""
    return len(text) <= EMAIL_CHARACTERS_MAX and _EMAIL.fullmatch(text) is not None


def send_code(email: str) -> str | None:
    """The ticket of the browser that asked for a code; None if this address or this client asked too often. A code is sent only
    to a member's address, and the answer does not tell."""
    ticket, digits = new_secret(), _new_code()
    context = services().context
    recorded = record_code(
        context,
        ticket_hash=hashed(ticket),
        code_hash=_code_hash(ticket, digits),
        email=email,
        client_address=client_address(request.remote_addr),
    )
    if not recorded:
        return None
    members = members_with_email(context, email)
    if members:
        services().mailer.send(_code_mail(email, digits, language_of(members[0].locale) or page_language()))
    return ticket


@dataclass(frozen=True)
class Opened:
    """A session and the secret of its cookie; or why there is none: shape, wrong, expired, too_many_attempts."""

    session: Session | None = None
    token: str = field(default="", repr=False)
    error: str | None = None


def open_session(ticket: str | None, typed: str) -> Opened:
    """What the code leads to that was typed in the browser with this ticket."""
    if ticket is None:
        return Opened(error="expired")
    digits = re.sub(r"\s", "", typed)
    if not _CODE.fullmatch(digits):
        return Opened(error="shape")
    token = new_secret()
    result = answer_code(
        services().context,
        ticket_hash=hashed(ticket),
        code_hash=_code_hash(ticket, digits),
        token_hash=hashed(token),
        device=device_name(request.user_agent.string),
    )
    if result.session is None:
        return Opened(error=result.answer.value)
    return Opened(result.session, token)


def code() -> ResponseReturnValue:
    return _code_page()


def check_code() -> ResponseReturnValue:
    """Opens a session for the right code; says what to do for any other."""
    opened = open_session(read_cookie("ticket"), request.form.get("code", ""))
    if opened.error in ("shape", "wrong"):
        return _code_page(opened.error, status=422)
    if opened.session is None:
        response = Response(_sign_in_page(opened.error), 422, mimetype="text/html")
        clear_cookie(response, "ticket")
        return response
    page = "pages.wallet" if opened.session.member_id else "pages.choose"
    response = redirect(url_for(page), 303)
    clear_cookie(response, "ticket")
    set_cookie(response, "session", opened.token)
    return response


def choose() -> ResponseReturnValue:
    members = members_with_email(services().context, session().email)
    return render_template("choose.html", members=members, program=services().ruleset().program)


def choose_member_posted() -> ResponseReturnValue:
    if not choose_member(services().context, session(), request.form.get("member", "")):
        abort(404)
    return redirect(url_for("pages.wallet"), 303)


def sign_out() -> ResponseReturnValue:
    end_session(services().context, email=session().email, session_id=session().id)
    response = redirect(url_for("pages.sign_in"), 303)
    clear_cookie(response, "session")
    return response


def switch_language() -> ResponseReturnValue:
    """For whoever is not signed in; a member's language is a preference."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(404)
    response = redirect(url_for(BACK_TO.get(request.form.get("back", ""), "pages.home")), 303)
    set_cookie(response, "language", chosen)
    return response


def client_address(remote: str | None) -> str:
    """Whom the limits count: an IPv4 address, the /64 of an IPv6 one (a household has that many), or "unknown"."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _new_code() -> str:
    drawn = int.from_bytes(services().context.random_bytes(16), "big")
    return f"{drawn % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def _code_hash(ticket: str, digits: str) -> str:
    return hashed(f"{ticket}:{digits}")


def _sign_in_page(error: str | None = None) -> str:
    typed = request.form.get("email", "") if error in ("email", "too_many") else ""
    return render_template("sign_in.html", error=error, email=typed[:EMAIL_CHARACTERS_MAX], program=_program())


def _code_page(error: str | None = None, *, status: int = 200) -> ResponseReturnValue:
    ticket = read_cookie("ticket")
    recipient = code_recipient(services().context, hashed(ticket)) if ticket else None
    if recipient is None:
        return _sign_in_page("expired"), 422
    minutes = int(CODE_LIFETIME.total_seconds()) // 60
    page = render_template("code.html", error=error, recipient=recipient, minutes=minutes, program=_program())
    return page, status


def _program() -> object:
    return services().ruleset().program


def _code_mail(email: str, digits: str, language: str) -> Mail:
    name = services().ruleset().program.name
    with in_language(language):
        subject = gettext("%(code)s is your code for %(program)s", code=digits, program=name)
        body = gettext(
            "Hello,\n\nYour code to sign in to %(program)s is:\n\n%(code)s\n\nIt is valid for %(minutes)d minutes, on the"
            " device that asked for it. Nobody from %(program)s will ever ask you for it.\n\nIf you did not ask for a"
            " code, you need not do anything: without it nobody can sign in.\n",
            program=name,
            code=digits,
            minutes=int(CODE_LIFETIME.total_seconds()) // 60,
        )
    return Mail(recipient=email, subject=subject, body=body)
