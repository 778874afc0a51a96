"""All pages of staff as one blueprint: the gate before them, and what every answer carries."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from token_service.errors import Forbidden, InvalidInput, MereauError, NotFound, TryAgain
from token_service.pages.error_pages import error_page
from token_service.pages.security import add_headers, refuse_foreign_forms, refuse_null_characters
from token_service.pages.services import services
from token_service.pages.staff import console, signing_in, till
from token_service.pages.staff.navigation import links
from token_service.pages.staff.rules import PUBLIC, SIGNED_IN, rule_of
from token_service.pages.staff.signed_in import load_staff_session

log = logging.getLogger(__name__)


def create_staff_pages() -> Blueprint:
    """The blueprint; the members' (pages/blueprint.py) sets up what both need on the application."""
    pages = Blueprint("staff", __name__)
    pages.before_request(refuse_foreign_forms)
    pages.before_request(refuse_null_characters)
    pages.before_request(_let_in)
    pages.after_request(_finish)
    pages.context_processor(_every_page)
    for room in (signing_in, till, *console.ROOMS):
        room.add_to(pages)
    pages.register_error_handler(HTTPException, lambda error: error_page(error.code or 500, staff=True))
    pages.register_error_handler(MereauError, _on_our_error)
    pages.register_error_handler(Exception, _on_accident)
    return pages


def _let_in() -> ResponseReturnValue | None:
    """Sends strangers to the sign-in page and first passwords to be changed; a page beyond the role is a 403."""
    load_staff_session()
    rule = rule_of(request.endpoint)
    if rule == PUBLIC:
        return None
    if g.staff_session is None:
        return redirect(url_for("staff.sign_in"), 303)
    if rule == SIGNED_IN:
        return None
    person = g.staff_session.person
    if person.must_change:
        return redirect(url_for("staff.password"), 303)
    if rule is None or not person.may(rule):
        abort(403)
    return None


def _every_page() -> dict[str, Any]:
    session = g.get("staff_session")
    if session is None:
        return {"person": None, "links": []}
    return {"person": session.person, "links": [] if session.person.must_change else links(session.person)}


def _finish(response: Response) -> Response:
    return add_headers(response, secure=services().secure)


def _on_our_error(error: MereauError) -> Response:
    if isinstance(error, NotFound | InvalidInput):
        return error_page(404, staff=True)
    if isinstance(error, Forbidden):
        return error_page(403, staff=True)
    if isinstance(error, TryAgain):
        return error_page(503, staff=True)
    log.error("page of staff failed: %s", error.code)
    return error_page(500, staff=True)


def _on_accident(error: Exception) -> Response:
    log.error("page of staff failed", exc_info=error)
    return error_page(500, staff=True)
