"""docs/members.md and docs/membres.md: the words of the pages, in plain language, the same in both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from documents import ROOT, headings

ENGLISH, FRENCH = ROOT / "docs/members.md", ROOT / "docs/membres.md"
JARGON = ("blockchain", "token", "wallet", "hash", "mint", "burn", "gas", "crypto", "smart contract", "jeton", "ledger")
NOT_LABELS = {"Nothing that names you", "Rien qui vous nomme"}


def labels(text: str) -> set[str]:
    """What the page shows in bold, which is what members find on their screens."""
    return set(re.findall(r"\*\*([^*]+)\*\*", text)) - NOT_LABELS


def sentences(language: str) -> set[str]:
    with (ROOT / "web/translations/fr/LC_MESSAGES/messages.po").open("rb") as file:
        messages = [message for message in read_po(file, locale="fr") if isinstance(message.id, str)]
    return {message.id if language == "en" else str(message.string) for message in messages}


@pytest.mark.parametrize(("document", "language"), [(ENGLISH, "en"), (FRENCH, "fr")])
def test_every_label_is_one_that_members_see(document: Path, language: str) -> None:
    found = labels(document.read_text("utf-8"))
    assert len(found) >= 12
    assert found - sentences(language) == set()


@pytest.mark.parametrize("document", [ENGLISH, FRENCH], ids=lambda path: path.name)
def test_no_word_of_the_trade_is_in_it(document: Path) -> None:
    words = document.read_text("utf-8").lower()
    assert [word for word in JARGON if re.search(rf"\b{word}s?\b", words)] == []


def test_both_languages_say_as_much() -> None:
    assert len(headings(ENGLISH)) == len(headings(FRENCH)) >= 10
    english, french = ENGLISH.read_text("utf-8"), FRENCH.read_text("utf-8")
    assert len(labels(english)) == len(labels(french))
    assert english.count("\n- ") == french.count("\n- ")


def test_french_double_signs_keep_their_word() -> None:
    text = re.sub(r"\(http[^)]*\)", "", FRENCH.read_text("utf-8"))
    assert re.findall(r".{8}(?: [:;?!»]|« |\w[;?!»])", text) == []
    assert "'" not in text
