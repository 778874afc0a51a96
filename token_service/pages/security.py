"""What protects the pages in a browser: headers on every answer, and a check that forms come from our own pages.

No tokens in forms: a browser says where a request comes from (Sec-Fetch-Site, else Origin), and cookies are SameSite=Lax.
Source: https://words.filippo.io/csrf (Go 1.25 does the same); here a POST that says neither is refused.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import abort, request
from werkzeug.wrappers import Response

from token_service.pages.services import services

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms too.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS: Final = "max-age=31536000"


def refuse_foreign_forms() -> None:
    """Aborts with 403 unless a request that changes something comes from a page of this very origin."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            abort(403)
        return
    own = (request.host_url, services().base_url)
    if _origin(request.headers.get("Origin", "")) not in {_origin(url) for url in own}:
        abort(403)


def _origin(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    return (parts.scheme, parts.netloc) if parts.netloc else None


def refuse_null_characters() -> None:
    """Aborts with 404 for U+0000 in the address or a form: no form of ours has it, and PostgreSQL cannot look for it.

    Not in a document of rules, which is checked with all its mistakes and never looked for.
    """
    fields = (*request.args.items(multi=True), *request.form.items(multi=True))
    if "\0" in request.path or any("\0" in text for name, text in fields if name != "document"):
        abort(404)


def add_headers(response: Response, *, secure: bool) -> Response:
    """The answer with the headers above; pages are not kept by any cache."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    if secure:
        response.headers["Strict-Transport-Security"] = HSTS
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    response.vary.update(("Accept-Language", "Cookie"))
    return response
