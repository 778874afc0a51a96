"""The member's card: a new code at every view, the same in the QR code and below it, that opens the member to a till."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest
import zxingcpp
from pages_town import Browser, Town

from token_service.errors import MemberCodeExpired
from token_service.ledger.member_codes import member_by_code
from token_service.ledger.shown_codes import ALPHABET
from token_service.pages.card import drawn


def code_on(page: str) -> str:
    found = re.search(r"\b([0-9A-Z]{4}-[0-9A-Z]{4})</p>", page)
    assert found is not None
    return found[1]


def picture_of(svg: str) -> np.ndarray:
    """The modules as pixels, 8 a side, black on white: what the path paints, line by line."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])  # type: ignore[index]
    picture = np.full((side, side), 255, np.uint8)
    x = y = 0.0
    path = re.search(r'stroke="[^"]+" d="([^"]+)"', svg)
    assert path is not None
    for word in re.finditer(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", path[1]):
        if word[1] == "h":
            picture[int(y), int(x) : int(x) + int(word[2])] = 0
            x += int(word[2])
        elif word[1] == "M":
            x, y = float(word[2]), float(word[3])
        else:
            x, y = x + float(word[2]), y + float(word[3])
    return picture.repeat(8, 0).repeat(8, 1)


def test_the_code_on_the_card_is_the_members(town: Town, alice: Browser) -> None:
    member = town.member()
    alice.sign_in(town)
    assert member_by_code(town.context, town.actor, code_on(alice.get("/card").text)).id == member


def test_every_view_shows_a_new_one_and_the_last_lives_on(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    first, second = (code_on(alice.get("/card").text) for _ in range(2))
    assert first != second
    for code in (first, second):
        assert member_by_code(town.context, town.actor, code)
    town.clock.move(timedelta(minutes=5))
    with pytest.raises(MemberCodeExpired):
        member_by_code(town.context, town.actor, second)


def test_the_card_says_how_long_it_is_valid(town: Town, alice: Browser) -> None:
    town.member(locale="fr")
    alice.sign_in(town)
    page = alice.get("/card").text
    assert "Valable 5\N{NO-BREAK SPACE}minutes, jusqu’à 14:10" in page
    assert 'data-seconds="300"' in page


def test_the_wallet_leads_to_the_card(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    assert '<a class="button quiet" href="/card">Show my card</a>' in alice.get("/wallet").text


@pytest.mark.parametrize("code", ["0000-0000", "7QK2-M9XD", "ZZZZ-ZZZZ", ALPHABET[:4] + "-" + ALPHABET[-4:]])
def test_a_scanner_reads_the_code_and_nothing_else(code: str) -> None:
    svg = drawn(code)
    assert 'viewBox="0 0 29 29"' in svg
    read = zxingcpp.read_barcode(picture_of(svg))
    assert read is not None
    assert read.text == code.replace("-", "")


def test_the_drawing_keeps_the_pages_policy(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    page = alice.get("/card").text
    assert "<svg" in page
    for forbidden in ("style=", "<style", "<script>", "http://", "https://"):
        assert forbidden not in page


def test_strangers_have_no_card(alice: Browser) -> None:
    answer = alice.get("/card")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
