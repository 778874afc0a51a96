"""Who may call what: one rule beside each route, API keys checked before a body is read, scopes before a view runs.

A route without a rule is not the API's (a page, a static file) and is left alone; tests/api/test_access.py proves that every
route of the API has one. Merchants' isolation is the ledger's: a foreign object does not exist for its use cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from flask import Flask, current_app, g, request

from token_service.api.request import BODY_BYTES_MAX
from token_service.api.services import ledger
from token_service.errors import CallerError, InvalidInput, Place, Unauthorized
from token_service.ledger import api_keys
from token_service.ledger.context import Actor

View = TypeVar("View", bound=Callable[..., Any])
KEY_LENGTH_MAX: Final = 200


@dataclass(frozen=True)
class Access:
    """The rule of one route. `scope` None: public, no key is asked or looked at."""

    scope: str | None
    idempotent: bool = False  # takes an Idempotency-Key
    body_bytes_max: int = BODY_BYTES_MAX
    operational: bool = False  # /healthz and its like: public, and never limited


def needs(scope: str, *, idempotent: bool = False, body_bytes_max: int = BODY_BYTES_MAX) -> Callable[[View], View]:
    """The view answers only a key with this scope."""
    return _mark(Access(scope, idempotent=idempotent, body_bytes_max=body_bytes_max))


def public(*, operational: bool = False) -> Callable[[View], View]:
    """The view answers anybody."""
    return _mark(Access(None, operational=operational))


def _mark(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        cast(Any, view).access = access  # flask-openapi's wrapper copies it from there
        return view

    return mark


def access_of(app: Flask, endpoint: str | None) -> Access | None:
    """The rule of an endpoint; None where it is not the API's."""
    view = app.view_functions.get(endpoint) if endpoint else None
    return cast("Access | None", getattr(view, "access", None))


def caller() -> Actor:
    """Who asks, on a route that needs a key."""
    return cast(Actor, g.caller)


def identify() -> None:
    """Note who asks; a bad key is only noted, so that the rate limit comes before the refusal."""
    g.caller = None
    g.refusal = None
    g.access = access_of(current_app, request.endpoint)
    if g.access is None:
        return
    request.max_content_length = g.access.body_bytes_max
    if g.access.scope is None:
        return
    try:
        g.caller = _authenticate()
    except Unauthorized as refusal:
        g.refusal = refusal


def authorise() -> None:
    """Refuse a request without a valid key or scope, or whose URL cannot mean one thing."""
    if g.access is None:
        return
    if g.refusal is not None:
        raise g.refusal
    if g.access.scope is not None:
        caller().need(g.access.scope)
    check_url()


def check_url() -> None:
    """Raises for U+0000 anywhere in the URL (CallerError) and for a parameter that comes twice (InvalidInput)."""
    texts = [request.path, *request.args.keys(), *(value for values in request.args.listvalues() for value in values)]
    if any("\0" in text for text in texts):
        raise CallerError("The address holds the character U+0000.")
    if any(len(values) > 1 for values in request.args.listvalues()):
        raise InvalidInput("A parameter comes twice.", places=(Place("?", "Give each parameter once."),))


def _authenticate() -> Actor:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("Send an API key: Authorization: Bearer mk_…")
    if len(key) > KEY_LENGTH_MAX or not key.isascii():
        raise Unauthorized("This key is unknown or revoked.")
    return api_keys.authenticate(ledger(), key)
