"""Visits counted by when purchases were made: each number once, in whatever order they are told, whatever comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from token_service.program.facts import VisitFacts, local_time
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.told import Bought
from token_service.program.visits import LastVisit, Visited, visit_of
from token_service.program.what_if import what_if

from .baskets import BASE, PROGRAM

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZONE = "Europe/Paris"
HOURS = st.lists(st.integers(0, 24 * 12), max_size=25)


def rules(**visits: str) -> Ruleset:
    return parse_ruleset(json.dumps({"ruleset": 1, "program": PROGRAM, "earning": [BASE], "visits": visits}))


BY_DAY, BY_HOURS = rules(), rules(window="PT4H")
EITHER = st.sampled_from([BY_DAY, BY_HOURS])


def told(ruleset: Ruleset, earlier: list[Visited], hours: int) -> Visited:
    at = START + timedelta(hours=hours)
    local = local_time(at, ZONE)
    return Visited(at, local.date, visit_of(ruleset, None, earlier, at, local))


def numbers(ruleset: Ruleset, hours: list[int]) -> list[tuple[int, int]]:
    earlier: list[Visited] = []
    for one in hours:
        earlier.append(told(ruleset, earlier, one))
    return [(one.visit.number, one.visit.receipt) for one in earlier]


def test_two_receipts_within_the_window_are_one_visit_however_late() -> None:
    assert numbers(BY_DAY, [0, 30, 1, 31, 2, 60]) == [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (3, 1)]
    assert numbers(BY_HOURS, [0, 3, 7, 30, 29, 6]) == [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (2, 2)]


def test_a_window_in_hours_goes_past_midnight_and_ends_when_it_says() -> None:
    assert numbers(BY_HOURS, [13, 16]) == [(1, 1), (1, 2)]
    assert numbers(BY_HOURS, [13, 17]) == [(1, 1), (2, 1)]
    assert numbers(BY_DAY, [13, 16]) == [(1, 1), (2, 1)]


@given(EITHER, HOURS)
def test_each_number_and_receipt_is_given_once_from_1_on(ruleset: Ruleset, hours: list[int]) -> None:
    found = numbers(ruleset, hours)
    assert len(set(found)) == len(found)
    firsts = [number for number, receipt in found if receipt == 1]
    assert firsts == list(range(1, len(firsts) + 1))


@given(HOURS.flatmap(st.permutations))
def test_by_day_the_order_of_reporting_changes_no_count(hours: list[int]) -> None:
    dates = {local_time(START + timedelta(hours=one), ZONE).date for one in hours}
    assert max((number for number, _ in numbers(BY_DAY, hours)), default=0) == len(dates)


@given(HOURS)
def test_told_in_their_order_days_count_as_without_the_key(hours: list[int]) -> None:
    last: LastVisit | None = None
    plain, without = [], BY_DAY.model_copy(update={"visits": None})
    for one in sorted(hours):
        at = START + timedelta(hours=one)
        visit = visit_of(without, last, (), at, local_time(at, ZONE))
        last = LastVisit(local_time(at, ZONE).date, visit)
        plain.append((visit.number, visit.receipt))
    assert numbers(BY_DAY, sorted(hours)) == plain


@given(EITHER, st.lists(st.tuples(st.integers(0, 24 * 12), st.integers(0, 3)), max_size=30))
def test_whatever_is_given_back_no_two_kept_purchases_share_number_and_receipt(
    ruleset: Ruleset, steps: list[tuple[int, int]]
) -> None:
    """And a bonus for visit N is earned only when N − 1 other numbers are kept."""
    earlier: list[Visited] = []
    for hours, back in steps:
        kept = [index for index, one in enumerate(earlier) if one.is_kept]
        if back == 0 and kept:
            index = kept[hours % len(kept)]
            earlier[index] = replace(earlier[index], is_kept=False)
            continue
        others = {one.visit.number for one in earlier if one.is_kept}
        new = told(ruleset, earlier, hours)
        earlier.append(new)
        visits = [one.visit for one in earlier if one.is_kept]
        assert len(set(visits)) == len(visits)
        if new.visit.number not in others and ruleset is BY_DAY:
            assert others >= set(range(1, new.visit.number))


def test_visits_of_two_accounts_with_the_same_numbers_add_up() -> None:
    both = [
        Visited(START + timedelta(days=day), f"2026-03-{2 + day:02}", VisitFacts(number, 1))
        for day, number in enumerate([1, 2, 3, 4, 5, 1, 2, 3])
    ]
    for number in (9, 10, 11):
        both.append(told(BY_DAY, both, 24 * (number + 3)))
        assert both[-1].visit == VisitFacts(number, 1)


def test_a_visit_given_back_counts_where_the_rules_say_so() -> None:
    gone = Visited(START, "2026-03-02", VisitFacts(1, 1), is_kept=False)
    assert told(BY_DAY, [gone], 48).visit.number == 1
    assert told(rules(refunded="count"), [gone], 48).visit.number == 2


def test_a_history_under_a_draft_counts_visits_as_the_draft_says() -> None:
    """A café: a coffee at 10, at 13 and at 21 o'clock; with four hours between, two visits a day."""
    bonus = {"id": "fourth", "when": "visit.number % 4 == 0 && visit.receipt == 1", "award": {"points": 100}}
    coffees = [Bought("ada", START + timedelta(days=day, hours=hour), 300) for day in range(4) for hour in (0, 3, 11)]
    for visits, bonuses in ((BY_DAY.visits, 1), (BY_HOURS.visits, 2), (None, 1)):
        document = {"ruleset": 1, "program": PROGRAM, "earning": [BASE], "campaigns": [bonus]}
        draft = parse_ruleset(json.dumps(document)).model_copy(update={"visits": visits})
        assert what_if(draft, coffees).by_rule["fourth"] == 100 * bonuses
