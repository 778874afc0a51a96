"""Every sentence of the pages exists in every language, complete, compiled and well set."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]


def french() -> list[Message]:
    with (ROOT / "web/translations/fr/LC_MESSAGES/messages.po").open("rb") as file:
        return [message for message in read_po(file, locale="fr") if message.id]


def strings(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple) else [str(message.string)]


def test_translations_are_complete_and_compiled() -> None:
    command = [sys.executable, str(ROOT / "scripts/compile_translations.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_french_spaces_before_double_signs_do_not_break() -> None:
    wrong = [
        text for message in french() for text in strings(message) if re.search(r"( [:;?!»])|(« )|(\w[;?!»])", text)
    ]
    assert wrong == []


def test_apostrophes_are_typographic_and_no_sentence_is_built_from_parts() -> None:
    for message in french():
        for text in strings(message):
            assert "'" not in text
            assert text == text.strip() or text.endswith("\n")


def test_no_sentence_of_a_template_has_a_percent_sign_of_its_own() -> None:
    """Jinja looks for it with two, and finds no translation."""
    wrong = [
        message.id
        for message in french()
        if any(place.endswith(".html") for place, _line in message.locations)
        and re.search(r"%(?!\(\w+\)s)", str(message.id))
    ]
    assert wrong == []


def test_every_sentence_names_the_same_values() -> None:
    for message in french():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        named = set(re.findall(r"%\((\w+)\)", "".join(ids)))
        for text in strings(message):
            assert set(re.findall(r"%\((\w+)\)", text)) <= named
