"""Sentences in the page's language: Flask-Babel's functions with types. Sentences are collected by these names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import flask_babel


def gettext(sentence: str, **values: object) -> str:
    """The sentence translated, with its %(name)s filled in."""
    return str(flask_babel.gettext(sentence, **values))


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """The sentence for this count, translated."""
    return str(flask_babel.ngettext(singular, plural, count, **values))


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Inside, sentences are in that language: a mail is in its reader's."""
    with flask_babel.force_locale(language):
        yield
