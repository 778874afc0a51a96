"""What every answer carries: a request id, and headers that tell a browser to do nothing but show it."""

from __future__ import annotations

from typing import Final

from flask import Response, g, request

from token_service.api.services import ledger, services

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Answers of the API are data. /docs, which is a page, brings its own policy."""

HSTS: Final = "max-age=31536000"
PUBLIC_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""What anybody may read, any page may read: a browser wallet on /rpc, another site's proof page on receipts."""


def begin_request() -> None:
    """Give the request its id, made here: a caller's own id would be input in our logs."""
    g.request_id = ledger().new_id("req")


def finish_response(response: Response) -> Response:
    """Add the headers; those that a view has set stay as they are."""
    request_id = g.get("request_id")
    if request_id is not None:
        response.headers["X-Request-Id"] = request_id
    access = g.get("access")
    if access is None and response.mimetype != "application/problem+json":
        return response  # a page; its room has its own policy
    if access is not None and access.scope is None:
        _set_missing(response, PUBLIC_HEADERS)
    elif request.path.startswith("/v1/"):
        response.headers.setdefault("Cache-Control", "no-store")
    _set_missing(response, SECURITY_HEADERS)
    if (services().public_url or "").startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response


def _set_missing(response: Response, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        response.headers.setdefault(name, value)
