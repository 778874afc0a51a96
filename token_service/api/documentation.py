"""The OpenAPI document at /openapi.json, completed with what holds for every call. docs_page.py shows it to people."""

from __future__ import annotations

from typing import Any, Final

from token_service.api.access import Access, access_of
from token_service.api.replays import HEADER, KEY_LENGTH_MAX, REPLAYED_HEADER
from token_service.api.routing import OpenAPI, parse_rule

PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROBLEM_TEXTS: Final = {
    "400": "The request cannot be read",
    "401": "No valid API key",
    "403": "The key lacks the scope",
    "404": "No such object, or none that this key may see",
    "405": "Another method is needed",
    "409": "Contradicts what is recorded, or refused by the programme's rules as things stand",
    "413": "The body is too large",
    "415": "The body is not application/json",
    "422": "The content is not valid",
    "429": "Too many requests; Retry-After says when",
    "500": "The server failed; nothing was recorded",
    "503": "Not now; Retry-After says when",
}
"""What any call may answer besides its own, as application/problem+json."""

LIBRARY_STATUS: Final = "422"
"""flask-openapi documents it as plain JSON; here it is a problem like the others."""
DESCRIPTION: Final = """Loyalty points that anyone can check. Guide: docs/api.md. Numbers are whole and at most 2^53−1; `5.0` and
`"5"` are not 5. Times are RFC 3339 with an offset. Unknown fields are refused."""


def complete(app: OpenAPI) -> None:
    """Add to the document what depends on each route's rule: security, scope, Idempotency-Key. Once, after all routes."""
    document = app.api_doc
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is None:
            continue
        item = document["paths"].get(parse_rule(rule.rule), {})
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if method.lower() in item:
                _complete_operation(item[method.lower()], access)


def _complete_operation(operation: dict[str, Any], access: Access) -> None:
    own = {status: answer for status, answer in operation["responses"].items() if status != LIBRARY_STATUS}
    if access.scope is not None:
        operation["security"] = [{"api_key": []}]
        operation["x-scope"] = access.scope
    if access.idempotent:
        operation.setdefault("parameters", []).append(_idempotency_parameter())
        for answer in own.values():
            answer["headers"] = {REPLAYED_HEADER: {"description": "true on a replay", "schema": {"const": "true"}}}
    operation["responses"] = own | {status: answer for status, answer in _problems(access).items() if status not in own}


def _problems(access: Access) -> dict[str, Any]:
    """What the call may answer besides its own, as problems. A public call asks no key: neither 401 nor 403."""
    keyless = {"401", "403"} if access.scope is None else set()
    return {
        status: {"description": text, "content": PROBLEM}
        for status, text in PROBLEM_TEXTS.items()
        if status not in keyless
    }


def _idempotency_parameter() -> dict[str, Any]:
    return {
        "name": HEADER,
        "in": "header",
        "required": False,
        "description": "Names this request: sent again with the same content, it answers the same objects.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": "^[ -~]+$"},
    }
