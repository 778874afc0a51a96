"""The facts of a purchase: written to JSON and read back equal, with the local time computed once."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given

from token_service.errors import InvalidInput
from token_service.program.facts import (
    ITEMS_MAX,
    ItemFacts,
    LocalTime,
    PurchaseFacts,
    VisitFacts,
    local_time,
    member_age_days,
)
from token_service.program.visits import LastVisit
from token_service.units import POINTS_MAX

from .baskets import NOON, item, purchase, purchases


@given(purchases())
def test_they_survive_json(facts: PurchaseFacts) -> None:
    assert PurchaseFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_json_holds_only_whole_numbers_texts_booleans_lists_and_null() -> None:
    def check(value: object) -> None:
        assert type(value) in (int, str, bool, list, dict, type(None))
        for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(child)

    check(purchase(items=(item(1, 100),), channel="web").to_json())


@pytest.mark.parametrize("key", ["total", "items", "local", "member", "visit", "occurred_at"])
def test_it_refuses_json_with_a_part_missing_or_wrong(key: str) -> None:
    document = purchase(100).to_json()
    with pytest.raises(InvalidInput):
        PurchaseFacts.from_json({**document, key: 1.5})
    with pytest.raises(InvalidInput):
        PurchaseFacts.from_json({**document, "surprise": 1})
    del document[key]
    with pytest.raises(InvalidInput):
        PurchaseFacts.from_json(document)


@pytest.mark.parametrize("total", [-1, 2.0, True, POINTS_MAX + 1, "5", None])
def test_it_refuses_a_total_that_is_no_whole_number_in_range(total: object) -> None:
    with pytest.raises(InvalidInput):
        PurchaseFacts.from_json({**purchase(100).to_json(), "total": total})


def test_it_refuses_local_time_of_another_type() -> None:
    document = purchase(100).to_json()
    for part in ({"date": 20261122}, {"hour": "12"}, {"weekday": None}):
        with pytest.raises(InvalidInput):
            PurchaseFacts.from_json({**document, "local": {**document["local"], **part}})


def test_it_refuses_a_naive_time_tax_above_total_repeated_lines_and_too_many() -> None:
    with pytest.raises(ValueError, match="time zone"):
        purchase(100, at=NOON.replace(tzinfo=None))
    with pytest.raises(InvalidInput):
        purchase(100, tax=101)
    with pytest.raises(InvalidInput):
        purchase(items=(item(1, 5), item(1, 6)))
    with pytest.raises(InvalidInput):
        purchase(items=tuple(item(line, 1) for line in range(ITEMS_MAX + 1)))
    with pytest.raises(InvalidInput):
        ItemFacts(line=1, sku="x" * 201, category=None, quantity=1, amount=1)


def test_a_line_has_no_discount_or_tax_unless_it_says_so() -> None:
    line = ItemFacts(line=1, sku=None, category=None, quantity=1, amount=1)
    assert (line.discount, line.tax) == (0, 0)


def test_local_time_is_that_of_the_programme() -> None:
    assert local_time(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "Europe/Paris") == LocalTime(
        date="2026-11-23", year=2026, month=11, day=23, hour=0, minute=30, weekday=1
    )


def test_two_receipts_of_a_day_are_one_visit() -> None:
    bought = purchase(100, visit=9, receipt=1)
    morning = LastVisit(bought.local.date, bought.visit)
    assert morning.next(bought.local) == VisitFacts(number=9, receipt=2)
    tomorrow = local_time(datetime(2026, 11, 23, 9, tzinfo=UTC), "Europe/Paris")
    assert morning.next(tomorrow) == VisitFacts(number=10, receipt=1)


def test_age_counts_local_dates() -> None:
    joined = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # the 22nd in Paris
    assert member_age_days(joined, datetime(2026, 11, 22, 12, tzinfo=UTC), "Europe/Paris") == 0
    assert member_age_days(joined, datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "Europe/Paris") == 1
    assert member_age_days(joined, datetime(2025, 1, 1, tzinfo=UTC), "Europe/Paris") == 0
