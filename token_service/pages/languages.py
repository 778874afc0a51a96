"""Which language a page is in: the member's, else the one switched to, else what the browser asks for, else English."""

from __future__ import annotations

from typing import Final

from flask import g, has_request_context, request

from token_service.pages.cookies import read_cookie

LANGUAGES: Final = {"fr": "Français", "en": "English"}
"""Code and own name of every language the pages speak."""
DEFAULT: Final = "en"


def language_of(tag: str | None) -> str | None:
    """Our code for a language tag ("fr-CA" → "fr"), None if the pages don't speak it."""
    code = (tag or "").replace("_", "-").split("-")[0].lower()
    return code if code in LANGUAGES else None


def page_language() -> str:
    """The language of the current request, found once: who is signed in is known before anything is written."""
    if not has_request_context():
        return DEFAULT
    if "language" not in g:
        own = language_of(g.get("member_locale")) or language_of(read_cookie("language"))
        g.language = own or request.accept_languages.best_match(LANGUAGES, DEFAULT)
    return str(g.language)
