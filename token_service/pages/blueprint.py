"""All pages as one blueprint: who may see what, what is set up on the application, and what every answer carries.

Every page needs a signed-in member except those in PUBLIC: a new view is closed until somebody says otherwise.
"""

from __future__ import annotations

import logging
from typing import Any, Final, cast

from flask import Blueprint, Flask, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from token_service.errors import Forbidden, InvalidInput, MereauError, NotFound, TryAgain
from token_service.pages import (
    card,
    challenges,
    confirming,
    entry,
    formats,
    giving,
    inviting,
    mailbox,
    own_key,
    own_wallet,
    people,
    preferences,
    rewards,
    signing_in,
    statement,
    told,
    transparency,
    vouchers,
    wallet,
)
from token_service.pages.assets import versions, web_folder
from token_service.pages.error_pages import error_page
from token_service.pages.languages import DEFAULT, LANGUAGES, page_language
from token_service.pages.security import add_headers, refuse_foreign_forms, refuse_null_characters
from token_service.pages.services import EXTENSION, Services, services
from token_service.pages.signed_in import load_session
from token_service.pages.translation import gettext
from token_service.program.kinds import gives_points

PUBLIC: Final = frozenset(
    {
        "home",
        "sign_in",
        "ask_for_code",
        "code",
        "check_code",
        "switch_language",
        "mailbox",
        "transparency",
        "static",
    }
)
CHOOSING: Final = frozenset({"choose", "choose_member", "sign_out"})
"""Pages for whoever is signed in, before one of several members is chosen."""

ROOMS: Final = (
    signing_in, wallet, card, statement, entry, rewards, giving, inviting, challenges, vouchers, preferences, confirming,
    people, own_wallet, own_key, told, transparency,
)  # fmt: skip

FILTERS: Final = (
    "number",
    "signed",
    "money",
    "round_money",
    "percent",
    "day",
    "calendar_day",
    "clock",
    "lasting_seconds",
)
"""What templates use of formats.py."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"

log = logging.getLogger(__name__)


def create_pages(given: Services) -> Blueprint:
    """The blueprint; registering it also sets up translations and the templates' filters on the application."""
    web = web_folder()
    pages = Blueprint(
        "pages",
        __name__,
        template_folder=str(web / "templates"),
        static_folder=str(web / "static"),
        static_url_path="/assets",
    )
    pages.record_once(lambda state: _prepare(cast(Flask, state.app), given))
    pages.before_request(refuse_foreign_forms)
    pages.before_request(refuse_null_characters)
    pages.before_request(_let_in)
    pages.after_request(_finish)
    pages.after_app_request(_tell_browsers)
    for room in ROOMS:
        room.add_to(pages)
    if given.demo:
        mailbox.add_to(pages)
    pages.register_error_handler(HTTPException, lambda error: error_page(error.code or 500))
    pages.register_error_handler(MereauError, _on_our_error)
    pages.register_error_handler(Exception, _on_accident)
    return pages


def _prepare(app: Flask, given: Services) -> None:
    web = web_folder()
    app.extensions[EXTENSION] = given
    Babel(
        app,
        default_locale=DEFAULT,
        default_translation_directories=str(web / "translations"),
        locale_selector=page_language,
    )
    known = versions(web / "static")
    app.jinja_env.globals["asset"] = lambda name: url_for("pages.static", filename=name, v=known[name])
    app.jinja_env.filters.update({name: getattr(formats, name) for name in FILTERS})
    app.jinja_env.globals.update(has_points=_has_points, home_named=_home_named)
    app.context_processor(_every_page)


def _has_points() -> bool:
    """Whether the rules of now give points; asked once for a page."""
    if "has_points" not in g:
        g.has_points = gives_points(services().ruleset())
    return bool(g.has_points)


def _home_named() -> str:
    """What leads back to the member's first page."""
    return gettext("Back to your points") if _has_points() else gettext("Back to your card")


def _every_page() -> dict[str, Any]:
    given = services()
    return {
        "language": page_language(),
        "languages": LANGUAGES,
        "demo": given.demo,
        "shown_clock": given.shown_clock() if given.shown_clock else None,
        "signed_in": g.get("session") is not None,
    }


def _let_in() -> ResponseReturnValue | None:
    """Loads who is signed in; sends everybody else to where they can."""
    name = (request.endpoint or "").partition(".")[2]
    if name == "static":
        return None
    load_session()
    if name in PUBLIC:
        return None
    if g.session is None:
        return redirect(url_for("pages.sign_in"), 303)
    if g.session.member_id is None and name not in CHOOSING:
        return redirect(url_for("pages.choose"), 303)
    return None


def _finish(response: Response) -> Response:
    if request.endpoint == "pages.static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = IMMUTABLE
    return add_headers(response, secure=services().secure)


def _tell_browsers(response: Response) -> Response:
    """An address that belongs to nobody is told as a page to browsers; programs keep the API's answer."""
    accepted = request.accept_mimetypes
    is_nowhere = response.status_code == 404 and request.url_rule is None
    if is_nowhere and accepted.quality("text/html") > accepted.quality("application/json"):
        return error_page(404)
    return response


def _on_our_error(error: MereauError) -> Response:
    if isinstance(error, NotFound | Forbidden | InvalidInput):
        return error_page(404)
    if isinstance(error, TryAgain):
        return error_page(503)
    log.error("page failed: %s", error.code)
    return error_page(500)


def _on_accident(error: Exception) -> Response:
    log.error("page failed", exc_info=error)
    return error_page(500)
