"""/openapi.json, and /docs: the same document as one plain page, without scripts and without anything from elsewhere.

The page is docs_page.html; its policy allows the one stylesheet docs_page.css, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from flask import Response, current_app, render_template_string
from markupsafe import Markup, escape

from token_service.api.access import public
from token_service.api.problems import HTTP_PROBLEMS, status_of
from token_service.api.routing import OpenAPI, Routes
from token_service.errors import MereauError

routes = Routes("docs", __name__, doc_ui=False)
REF: Final = "#/components/schemas/"
OURS: Final = "token_service.errors."


@dataclass(frozen=True)
class DocumentedError:
    """One row of the table of errors."""

    code: str
    status: int
    meaning: str


def documented_errors() -> list[DocumentedError]:
    """Every code that a problem may have, by status and code; docs/api.md has the same table."""
    found: dict[str, DocumentedError] = {}
    waiting: list[type[MereauError]] = [MereauError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(sub for sub in kind.__subclasses__() if sub.__module__.startswith(OURS))
        meaning = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
        found[kind.code] = DocumentedError(kind.code, status_of(kind), meaning)
    for status, plain in HTTP_PROBLEMS.items():
        if plain.code not in found or status == 500:
            found[plain.code] = DocumentedError(plain.code, status, plain.detail)
    return sorted(found.values(), key=lambda error: (error.status, error.code))


@routes.get("/openapi.json")
@public()
def openapi() -> Response:
    """The API for machines."""
    return Response(json.dumps(_document()), mimetype="application/json")


@routes.get("/docs")
@public()
def docs() -> Response:
    """The API for people."""
    document = _document()
    page = render_template_string(
        _part("docs_page.html"),
        style=_part("docs_page.css"),
        info=document["info"],
        groups=_groups(document),
        schemas=sorted(document["components"]["schemas"].items()),
        errors=documented_errors(),
        fields=_fields,
        kind=_kind,
        marked=_marked,
    )
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": policy()})


def _document() -> dict[str, Any]:
    return cast(OpenAPI, current_app).spec_json


def _groups(document: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, dict[str, Any]]]]]:
    """Operations by tag, in the order of the paths."""
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = (operation.get("tags") or ["Other"])[0]
            groups.setdefault(tag, []).append((method.upper(), path, operation))
    return list(groups.items())


def _fields(schema: dict[str, Any]) -> list[tuple[str, bool, str, str]]:
    """Name, whether it is required, type and description of each property."""
    required = schema.get("required", [])
    return [
        (name, name in required, _kind(part), part.get("description", ""))
        for name, part in schema.get("properties", {}).items()
    ]


def _marked(text: str) -> Markup:
    """The text with what stands between backticks as code."""
    parts = (
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(text.split("`"))
    )
    return Markup("").join(parts)


def _kind(schema: dict[str, Any]) -> str:
    """A schema's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REF)
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "const" in schema:
        return f'"{schema["const"]}"'
    kind = schema.get("type", "any")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


@cache
def _part(name: str) -> str:
    """A file beside this one: docs_page.html or docs_page.css."""
    return (files("token_service.api") / name).read_text("utf-8")


@cache
def policy() -> str:
    """The page's Content-Security-Policy."""
    digest = base64.b64encode(hashlib.sha256(_part("docs_page.css").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
