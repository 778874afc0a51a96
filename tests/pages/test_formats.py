"""Numbers, money and dates as each language writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pages_town import Town

from token_service.pages import formats

NB, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


FRENCH = [f"1{NARROW}284", f"−{NB}100", f"128,40{NB}€", f"384{NB}€", f"1er{NB}décembre{NB}2026", "00:30", f"×{NB}1,5"]
ENGLISH = ["1,284", f"−{NB}100", "€128.40", "€384", f"1{NB}December{NB}2026", "00:30", f"×{NB}1.5"]


@pytest.mark.parametrize(("language", "expected"), [("fr", FRENCH), ("en", ENGLISH)])
def test_figures_are_in_the_readers_format(town: Town, language: str, expected: list[str]) -> None:
    at = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    with town.app().test_request_context(headers={"Accept-Language": language}):
        assert [
            formats.number(1284),
            formats.signed(-100),
            formats.money(12840, "EUR"),
            formats.round_money(38400, "EUR"),
            formats.day(at, "Europe/Paris"),
            formats.clock(at, "Europe/Paris"),
            formats.factor(150),
        ] == expected


def test_a_currency_without_cents_has_none(town: Town) -> None:
    with town.app().test_request_context(headers={"Accept-Language": "fr"}):
        assert formats.money(1000, "JPY") == formats.round_money(1000, "JPY") == f"1{NARROW}000{NB}JPY"


def test_a_round_sum_with_cents_keeps_them(town: Town) -> None:
    with town.app().test_request_context():
        assert formats.round_money(38410, "EUR") == "€384.10"
