"""Money as people type it: read in any country's habit, never guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pages_town import Town

from token_service.pages.staff.till.amounts import parse_amount, parse_amount_or_zero, parse_whole
from token_service.pages.staff.till.references import new_reference, time_of


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("23,90", "EUR", 2_390),
        ("23.90", "EUR", 2_390),
        ("23,9", "EUR", 2_390),
        (" 23 ", "EUR", 2_300),
        ("0,05", "EUR", 5),
        ("€23.90", "EUR", 2_390),
        ("23,90 €", "EUR", 2_390),
        ("23.90 EUR", "EUR", 2_390),
        ("1 234,50", "EUR", 123_450),
        ("1\u202f234,50\u00a0€", "EUR", 123_450),
        ("1,234.50", "EUR", 123_450),
        ("1.234,50", "EUR", 123_450),
        ("1'234.50", "CHF", 123_450),
        ("1,234,567.89", "EUR", 123_456_789),
        ("1234", "JPY", 1_234),
        ("1,234", "JPY", 1_234),
        ("1.234", "KWD", 1_234),
        ("90071992547409.91", "EUR", 2**53 - 1),
    ],
)
def test_it_reads_an_amount(typed: str, currency: str, amount: int) -> None:
    assert parse_amount(typed, currency) == amount


@pytest.mark.parametrize(
    "typed",
    [
        *("", "0", "0,00", "-5", "+5", "abc", "23,905", "1.234", "1,234", "1.23.45", "1,23,45", "23,", ",90", "12 €€"),
        *("1,234,50", "1.234.50", "٢٣", "1e3", "90071992547409.92", "9" * 40, "23.90 USD", "23.90" + " " * 30 + "9"),
    ],
)
def test_it_takes_nothing_that_may_mean_something_else(typed: str) -> None:
    assert parse_amount(typed, "EUR") is None


def test_nothing_typed_is_zero_where_that_is_allowed() -> None:
    assert [parse_amount_or_zero(typed, "EUR") for typed in ("", " ", "0", "0.00", "x")] == [0, 0, 0, 0, None]


def test_whole_numbers_are_whole() -> None:
    assert [parse_whole(typed) for typed in ("100", " 1 200 ", "0")] == [100, 1_200, 0]
    assert [parse_whole(typed) for typed in ("", "1.5", "-1", "1,200", "٣", "9" * 17)] == [None] * 6


def test_a_reference_holds_the_time_of_its_form(town: Town) -> None:
    first, second = new_reference(town.context), new_reference(town.context)
    assert first != second
    assert first.startswith("T20261122-130500Z-")
    assert time_of(first) == datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
    for other in ("", "r1", "T20261322-130500Z-00000000", "T20261122-130500Z-0000000U", first + " ", first.lower()):
        assert time_of(other) is None
