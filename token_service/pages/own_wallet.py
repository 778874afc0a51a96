"""A wallet of one's own: taking the points there, signing for them, bringing them back (DESIGN §3.8).

Whoever comes here has asked: these pages speak of addresses and signatures, in plain words. They work without a script; with a
wallet in the browser, own_wallet.js signs with one touch.
"""

from __future__ import annotations

import json
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import CallerError, Conflict, InvalidInput, NotFound, Refused
from token_service.ledger.leaving import ask_to_leave, ask_to_return
from token_service.ledger.mandates import cancel_mandate, get_mandate, member_mandates, sign_mandate
from token_service.ledger.members import get_member
from token_service.ledger.views import Mandate
from token_service.pages import formats
from token_service.pages.breakdown import reward_named
from token_service.pages.confirming import is_fresh
from token_service.pages.languages import page_language
from token_service.pages.mail import Mail
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id, session
from token_service.pages.translation import gettext, in_language

OPEN: Final = ("unsigned", "waiting", "sent")


def add_to(pages: Blueprint) -> None:
    """Adds /own-wallet and what is signed there."""
    pages.add_url_rule("/own-wallet", "own_wallet", own_wallet)
    pages.add_url_rule("/own-wallet/leave", "leave", leave, methods=["POST"])
    pages.add_url_rule("/own-wallet/return", "come_back", come_back, methods=["POST"])
    pages.add_url_rule("/own-wallet/<mandate_id>", "mandate", mandate)
    pages.add_url_rule("/own-wallet/<mandate_id>", "sign", sign, methods=["POST"])
    pages.add_url_rule("/own-wallet/<mandate_id>/cancel", "cancel", cancel, methods=["POST"])


def own_wallet() -> ResponseReturnValue:
    """Where the points are, what waits for a signature, and what can be done."""
    return page()


def leave() -> ResponseReturnValue:
    """Opens what the member's wallet signs."""
    if not is_fresh():
        return redirect(url_for("pages.confirm"), 303)
    typed = request.form.get("address", "").strip()
    try:
        made = ask_to_leave(services().context, actor(), member_id(), typed)
    except InvalidInput as error:
        return page(error=_address_words(error), typed=typed), 422
    except (Refused, Conflict) as error:
        return page(error=refusal_words(error), typed=typed), 409
    return redirect(url_for("pages.mandate", mandate_id=made.id), 303)


def come_back() -> ResponseReturnValue:
    """Opens what the member's wallet signs to give the points back into our keeping."""
    try:
        made = ask_to_return(services().context, actor(), member_id())
    except (Refused, Conflict) as error:
        return page(error=refusal_words(error)), 409
    return redirect(url_for("pages.mandate", mandate_id=made.id), 303)


def mandate(mandate_id: str) -> ResponseReturnValue:
    """What is to be signed, or how far it is."""
    return mandate_page(mandate_of(mandate_id))


def sign(mandate_id: str) -> ResponseReturnValue:
    """Takes the signature; says what is wrong with it."""
    before = mandate_of(mandate_id)
    typed, is_contract = request.form.get("signature", "").strip(), request.form.get("is_contract") == "yes"
    try:
        signed = sign_mandate(services().context, actor(), mandate_id, typed, is_contract=is_contract)
    except InvalidInput:
        return mandate_page(before, error=_signature_words(before, typed), typed=typed), 422
    except (Refused, Conflict) as error:
        return mandate_page(mandate_of(mandate_id), error=refusal_words(error)), 409
    if before.state == "unsigned" and signed.kind == "leave":
        services().mailer.send(_notice(signed))
    return redirect(url_for("pages.mandate", mandate_id=mandate_id), 303)


def cancel(mandate_id: str) -> ResponseReturnValue:
    """Calls it off."""
    mandate_of(mandate_id)
    try:
        cancel_mandate(services().context, actor(), mandate_id)
    except Conflict as error:
        return mandate_page(mandate_of(mandate_id), error=refusal_words(error)), 409
    return redirect(url_for("pages.own_wallet"), 303)


def page(*, error: str | None = None, typed: str = "") -> str:
    """The page of a wallet of one's own."""
    context = services().context
    found = member_mandates(context, member_id())
    return render_template(
        "own_wallet.html",
        program=services().ruleset().program,
        member=get_member(context, actor(), member_id()),
        open=[one for one in found if one.state in OPEN],
        ended=[one for one in found if one.state not in OPEN][:5],
        is_fresh=is_fresh(),
        error=error,
        typed=typed[:80],
        can_export=services().export_key is not None,
        cooling_off=services().export_cooling_off,
    )


def mandate_page(shown: Mandate, *, error: str | None = None, typed: str = "", key_error: str | None = None) -> str:
    """The page of one mandate."""
    return render_template(
        "mandate.html",
        program=services().ruleset().program,
        mandate=shown,
        reward=None if shown.reward_id is None else reward_named(services().ruleset(), shown.reward_id),
        document=json.dumps(dict(shown.document), indent=1),
        command="cast wallet sign --data --from-file mandate.json",
        error=error,
        typed=typed[:9_000],
        key_error=key_error,
        is_key_ready=shown.key_ready_at is not None and shown.key_ready_at <= services().context.now(),
        is_fresh=is_fresh(),
    )


def mandate_of(mandate_id: str) -> Mandate:
    """One of the signed-in member, or a page that says that there is none."""
    try:
        return get_mandate(services().context, actor(), mandate_id)
    except NotFound:
        abort(404)


def _address_words(error: InvalidInput) -> str:
    detail = error.detail
    if "capitals" in detail:
        return gettext("One of the letters of this address is wrong: copy it again from your wallet.")
    if "another member" in detail:
        return gettext("This address is in use on another card. Take another address of your wallet.")
    if "40 hexadecimal" in detail:
        return gettext("An address begins with 0x and has 40 letters and digits after it. Copy it from your wallet.")
    return gettext("The points cannot go to this address. Take one that your wallet can sign with.")


def refusal_words(error: CallerError) -> str:
    """Why not, for the member."""
    if error.code == "member_frozen":
        return gettext("Your card is blocked for now. Your points are kept; ask in a shop what is the matter.")
    if error.code == "conflict":
        return gettext("Something else is under way, or this has ended. Your points are where this page says.")
    return gettext("This is not possible at the moment. Your points are where this page says.")


def _signature_words(shown: Mandate, typed: str) -> str:
    if not typed.startswith("0x") or len(typed) != 132:
        return gettext("A signature begins with 0x and has 130 letters and digits after it. Copy all of it.")
    return gettext(
        "This signature is not one of %(address)s over this document. Sign the whole document with that address.",
        address=shown.signing_address,
    )


def _notice(signed: Mandate) -> Mail:
    """Tells the member by mail, in case it was somebody else."""
    program = services().ruleset().program
    with in_language(page_language()):
        subject = gettext("Your points at %(program)s are moving to a wallet of your own", program=program.name)
        body = gettext(
            "Hello,\n\nOn %(day)s at %(time)s somebody signed in as you asked us to move your points to this address, and"
            " signed with its key:\n\n%(address)s\n\nIf it was you, you need not do anything. If not, sign in now, open"
            " Preferences and call it off: as soon as the points have arrived there, we cannot bring them back.\n",
            day=formats.day(services().context.now(), program.time_zone),
            time=formats.clock(services().context.now(), program.time_zone),
            address=signed.signing_address,
        )
    return Mail(recipient=session().email, subject=subject, body=body)
