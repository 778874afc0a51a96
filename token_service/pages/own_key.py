"""Taking the key itself: asked for, waited for, given once under a passphrase, proved by a signature (ledger/exporting.py)."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, InvalidInput, MereauError, NotFound, Refused
from token_service.ledger.exporting import ask_for_key, key_to_show
from token_service.ledger.views import Mandate
from token_service.pages import formats, own_wallet
from token_service.pages.confirming import is_fresh
from token_service.pages.languages import page_language
from token_service.pages.mail import Mail
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id, session
from token_service.pages.translation import gettext, in_language

PASSPHRASE_CHARACTERS_MIN: Final = 12
PASSPHRASE_CHARACTERS_MAX: Final = 1_000


def add_to(pages: Blueprint) -> None:
    """Adds /own-wallet/key and the key's download."""
    pages.add_url_rule("/own-wallet/key", "ask_for_key", ask, methods=["POST"])
    pages.add_url_rule("/own-wallet/<mandate_id>/key", "take_key", take, methods=["POST"])


def ask() -> ResponseReturnValue:
    """Begins the time to think, and tells the member by mail."""
    given = services()
    if given.export_key is None:
        abort(404)
    if not is_fresh():
        return redirect(url_for("pages.confirm"), 303)
    try:
        made = ask_for_key(given.context, actor(), member_id(), given.export_cooling_off)
    except (Refused, Conflict) as error:
        return own_wallet.page(error=own_wallet.refusal_words(error)), 409
    given.mailer.send(_notice(made))
    return redirect(url_for("pages.mandate", mandate_id=made.id), 303)


def take(mandate_id: str) -> ResponseReturnValue:
    """The keystore file. Nothing of it is kept here, and nothing is logged."""
    given = services()
    if given.export_key is None:
        abort(404)
    if not is_fresh():
        return redirect(url_for("pages.confirm"), 303)
    passphrase = request.form.get("passphrase", "")
    if not PASSPHRASE_CHARACTERS_MIN <= len(passphrase) <= PASSPHRASE_CHARACTERS_MAX:
        said = gettext("Choose a passphrase of at least 12 characters. Nothing was given out.")
        return own_wallet.mandate_page(own_wallet.mandate_of(mandate_id), key_error=said), 422
    try:
        keystore = given.export_key(key_to_show(given.context, actor(), mandate_id), passphrase)
    except NotFound:
        abort(404)
    except (Refused, Conflict, InvalidInput) as error:
        return own_wallet.mandate_page(own_wallet.mandate_of(mandate_id), error=own_wallet.refusal_words(error)), 409
    except MereauError:
        said = gettext("The key cannot be given out at the moment. Nothing has changed; try again later.")
        return own_wallet.mandate_page(own_wallet.mandate_of(mandate_id), key_error=said), 503
    answer = Response(keystore, mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="points-key.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _notice(made: Mandate) -> Mail:
    program = services().ruleset().program
    ready_at = made.key_ready_at or made.created_at
    with in_language(page_language()):
        subject = gettext("The key of your points at %(program)s was asked for", program=program.name)
        body = gettext(
            "Hello,\n\nSomebody signed in as you and asked for the key of your points. It can be taken from %(day)s at %(time)s"
            " on.\n\nIf it was you, come back then. If not, sign in now, open Preferences, A wallet of your own, and call it off:"
            " whoever has the key can take the points.\n",
            day=formats.day(ready_at, program.time_zone),
            time=formats.clock(ready_at, program.time_zone),
        )
    return Mail(recipient=session().email, subject=subject, body=body)
