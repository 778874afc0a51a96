"""API keys of merchants and of the whole programme: made, their secret shown this once and never again, revoked."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import IdempotencyKeyReused, NotFound, SecretShownOnce
from token_service.ledger.api_keys import create_api_key, get_api_key, list_admin_keys, revoke_api_key
from token_service.ledger.context import ADMIN_SCOPES, SCOPES, Context
from token_service.ledger.idempotency import once as only_once
from token_service.ledger.inputs import NewApiKey
from token_service.ledger.merchants import get_merchant
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.views import ApiKey, NewApiKeyView
from token_service.pages.services import services
from token_service.pages.staff.console.forms import Words, once, text_mistake
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.console.merchants import Filled, merchant_page
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext

LISTED: Final = 100
MADE: Final = 201


def add_to(pages: Blueprint) -> None:
    """Adds the keys below /console/merchants."""
    path = "/console/merchants/<merchant_id>/keys"
    add_page(pages, path, "key_make", make, "keys:write", post=True)
    add_page(pages, f"{path}/<key_id>/revoke", "key_revoke", revoke, "keys:write", post=True)
    own = "/console/merchants/admin-keys"
    add_page(pages, own, "admin_keys", admin_keys, "admin_keys:write")
    add_page(pages, own, "admin_key_make", make_admin, "admin_keys:write", post=True)
    add_page(pages, f"{own}/<key_id>/revoke", "admin_key_revoke", revoke_admin, "admin_keys:write", post=True)


def make(merchant_id: str) -> ResponseReturnValue:
    """The answer is the only page that ever shows the secret; the same form sent again makes no second key."""
    merchant = get_merchant(services().context, person().actor, merchant_id)
    filled, scopes = _filled(SCOPES)
    if filled.mistakes:
        return merchant_page(merchant_id, filled), 422
    try:
        made = _make(NewApiKey(filled.values["name"], merchant_id, scopes))
    except (SecretShownOnce, IdempotencyKeyReused):
        return redirect(url_for("staff.merchant", merchant_id=merchant_id, done="key-again"), 303)
    return _secret_page(made, merchant.name, url_for("staff.merchant", merchant_id=merchant_id)), MADE


def revoke(merchant_id: str, key_id: str) -> ResponseReturnValue:
    _revoke(key_id, merchant_id)
    return redirect(url_for("staff.merchant", merchant_id=merchant_id, done="revoked"), 303)


def admin_keys() -> ResponseReturnValue:
    """The keys of the whole programme."""
    return _admin_page(Filled())


def make_admin() -> ResponseReturnValue:
    filled, scopes = _filled(ADMIN_SCOPES)
    if filled.mistakes:
        return _admin_page(filled), 422
    try:
        made = _make(NewApiKey(filled.values["name"], None, scopes))
    except (SecretShownOnce, IdempotencyKeyReused):
        return redirect(url_for("staff.admin_keys", done="key-again"), 303)
    return _secret_page(made, services().ruleset().program.name, url_for("staff.admin_keys")), MADE


def revoke_admin(key_id: str) -> ResponseReturnValue:
    _revoke(key_id, None)
    return redirect(url_for("staff.admin_keys", done="revoked"), 303)


def _filled(known: tuple[str, ...]) -> tuple[Filled, tuple[str, ...]]:
    filled = Filled("key", Words(name=typed("name")))
    mistake = text_mistake(filled.values["name"], 100)
    if mistake:
        filled.mistakes["name"] = mistake
    scopes = tuple(scope for scope in known if scope in request.form.getlist("scope"))
    if not scopes:
        filled.mistakes["scope"] = gettext("A key that may do nothing is of no use: choose at least one.")
    return filled, scopes


def _make(new: NewApiKey) -> NewApiKeyView:
    """Raises SecretShownOnce when this form made its key before."""

    def run(joined: Context) -> NewApiKeyView:
        return perform(joined, person(), lambda inside: create_api_key(inside, person().actor, new), _made)

    def again(_: Context, __: list[str]) -> NewApiKeyView:
        raise SecretShownOnce("this key was made before")

    name = typed("once", 60)
    if not name.startswith("ctl_"):
        raise NotFound("a form of ours names itself")
    content = {"name": new.name, "merchant_id": new.merchant_id, "scopes": list(new.scopes)}
    return only_once(
        services().context, person().id, name, content, MADE, run, lambda made: [made.api_key.id], again
    ).value


def _made(made: NewApiKeyView) -> Deed:
    key = made.api_key
    detail = {"admin": key.merchant_id is None, "scopes": list(key.scopes)}
    return Deed("key.made", key.id, merchant_id=key.merchant_id, detail=detail)


def _revoke(key_id: str, merchant_id: str | None) -> None:
    def work(joined: Context) -> tuple[ApiKey, bool]:
        before = get_api_key(joined, person().actor, key_id)
        if before.merchant_id != merchant_id:
            raise NotFound("no such API key")
        return revoke_api_key(joined, person().actor, key_id), before.revoked_at is None

    def deed(done: tuple[ApiKey, bool]) -> Deed | None:
        key, was_living = done
        detail = {"admin": merchant_id is None}
        return Deed("key.revoked", key.id, merchant_id=merchant_id, detail=detail) if was_living else None

    perform(services().context, person(), work, deed)


def _secret_page(made: NewApiKeyView, owner: str, back: str) -> str:
    return render_template(
        "staff/console/secret.html", program=services().ruleset().program, made=made, owner=owner, back=back
    )


def _admin_page(filled: Filled) -> str:
    given = services()
    return render_template(
        "staff/console/admin_keys.html",
        program=given.ruleset().program,
        keys=list_admin_keys(given.context, person().actor, LISTED, request.args.get("keys")),
        scopes=ADMIN_SCOPES,
        filled=filled,
        once=once(),
        done=request.args.get("done"),
    )
