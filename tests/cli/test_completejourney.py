"""The real baskets: cleaned, shifted, the same every time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from token_service.cli.completejourney import Basket, read_baskets
from token_service.errors import InvalidInput

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def baskets() -> list[Basket]:
    return read_baskets(households=20, weeks=4, now=NOW, zone=PARIS)


def test_they_are_real_and_not_few(baskets: list[Basket]) -> None:
    assert len(baskets) > 80
    assert len({basket.household_id for basket in baskets}) > 15


def test_the_last_week_is_this_one(baskets: list[Basket]) -> None:
    last = max(basket.occurred_at for basket in baskets)
    assert NOW - timedelta(days=8) <= last <= NOW
    assert min(basket.occurred_at for basket in baskets) >= NOW - timedelta(weeks=5)


def test_they_come_oldest_first(baskets: list[Basket]) -> None:
    times = [basket.occurred_at for basket in baskets]
    assert times == sorted(times)


def test_every_line_was_paid_and_has_a_category_and_a_quantity(baskets: list[Basket]) -> None:
    lines = [line for basket in baskets for line in basket.lines]
    assert all(line.amount_cents > 0 and line.quantity >= 1 and line.category for line in lines)
    assert all(basket.total_cents > 0 for basket in baskets)


def test_the_same_question_gives_the_same_baskets(baskets: list[Basket]) -> None:
    assert read_baskets(households=20, weeks=4, now=NOW, zone=PARIS) == baskets


def test_more_households_than_have_demographics_may_be_asked() -> None:
    found = read_baskets(households=900, weeks=1, now=NOW, zone=PARIS)
    assert len({basket.household_id for basket in found}) > 500


@pytest.mark.parametrize(("households", "weeks"), [(0, 8), (2470, 8), (150, 0), (150, 54)])
def test_it_refuses_numbers_out_of_range(households: int, weeks: int) -> None:
    with pytest.raises(InvalidInput, match="takes 1 to"):
        read_baskets(households=households, weeks=weeks, now=NOW, zone=PARIS)
