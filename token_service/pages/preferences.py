"""Preferences: language, points on renewals, and the devices that are signed in."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.balances import get_balance
from token_service.ledger.colleagues import is_company
from token_service.ledger.sessions import end_session, members_with_email, sessions_of, set_locale
from token_service.ledger.standing_orders import get_standing_order, set_standing_order
from token_service.pages.cookies import clear_cookie, set_cookie
from token_service.pages.languages import LANGUAGES
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id, session
from token_service.pages.translation import gettext
from token_service.program.action_schema import SubscriptionRule
from token_service.program.kinds import gives_points
from token_service.program.ruleset import Ruleset
from token_service.units import POINTS_MAX


def add_to(pages: Blueprint) -> None:
    """Adds /preferences and what it can change."""
    pages.add_url_rule("/preferences", "preferences", preferences)
    pages.add_url_rule("/preferences/language", "set_language", set_language, methods=["POST"])
    pages.add_url_rule("/preferences/renewals", "set_renewals", set_renewals, methods=["POST"])
    pages.add_url_rule("/sessions/<session_id>/end", "end", end, methods=["POST"])


def preferences() -> ResponseReturnValue:
    return _page()


def _page(typed: str | None = None, mistake: str | None = None) -> str:
    given = services()
    rules = given.ruleset()
    order = get_standing_order(given.context, actor(), member_id()).points
    return render_template(
        "preferences.html",
        email=session().email,
        current=session(),
        sessions=sessions_of(given.context, session().email),
        has_other_cards=len(members_with_email(given.context, session().email)) > 1,
        program=rules.program,
        renewals=bool(order) or _has_renewals(rules),
        order=order,
        typed=typed if typed is not None else str(order or ""),
        mistake=mistake,
        done=request.args.get("done"),
        has_people=is_company(given.context, member_id()),
        keeps_points=gives_points(rules) or _has_any(),
    )


def _has_renewals(rules: Ruleset) -> bool:
    """Whether points can pay and something here is renewed."""
    return rules.program.point_value is not None and any(isinstance(rule, SubscriptionRule) for rule in rules.earning)


def _has_any() -> bool:
    """Whether the member has points, whatever the rules of now say."""
    balance = get_balance(services().context, actor(), member_id())
    return any((balance.available, balance.pending, balance.held, balance.debt))


def set_renewals() -> ResponseReturnValue:
    """How many points may be used on each renewal: from the next one on. Nothing typed, or 0, ends it."""
    typed = request.form.get("points", "").strip()[:20]
    digits = typed.replace("\N{NO-BREAK SPACE}", "").replace(" ", "") or "0"
    if not (digits.isascii() and digits.isdigit()) or int(digits) > POINTS_MAX:
        return _page(typed, gettext("Give a number of points, such as 200.")), 422
    set_standing_order(services().context, actor(), member_id(), int(digits))
    return redirect(url_for("pages.preferences", done="renewals"), 303)


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
