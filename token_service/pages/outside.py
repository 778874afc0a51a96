"""The sentences of the pages for whoever is no page: a command that speaks of rules as the console does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, g
from flask_babel import Babel

from token_service.pages.assets import web_folder
from token_service.pages.languages import DEFAULT, page_language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Inside, sentences, numbers and dates are in that language. Nothing is asked of any programme."""
    app = Flask(__name__)
    Babel(
        app,
        default_locale=DEFAULT,
        default_translation_directories=str(web_folder() / "translations"),
        locale_selector=page_language,
    )
    with app.test_request_context():
        g.language = language
        yield
