"""The earning kind `visit`: points with the first purchase of every Nth visit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.program.earning import decide_purchase
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.ruleset import check_ruleset, parse_ruleset

from .baskets import BASE, PROGRAM, purchase, ruleset_of

TENTH = {"id": "tenth", "kind": "visit", "points": 50, "every": 10}


def test_the_issue_asks_for_every_nth_visit() -> None:
    """Issue 5: "every Nth visit"."""
    ruleset = ruleset_of(earning=[BASE, TENTH])
    earned = {number: decide_purchase(ruleset, purchase(100, visit=number)).points for number in range(1, 31)}
    assert {number for number, points in earned.items() if points == 51} == {10, 20, 30}
    assert {points for number, points in earned.items() if number % 10} == {1}


def test_only_the_first_receipt_of_a_visit_earns_it() -> None:
    ruleset = ruleset_of(earning=[TENTH])
    assert [decide_purchase(ruleset, purchase(100, visit=10, receipt=one)).points for one in (1, 2, 3)] == [50, 0, 0]


def test_without_every_each_visit_earns_it() -> None:
    ruleset = ruleset_of(earning=[{"id": "hello", "kind": "visit", "points": 2}])
    award = decide_purchase(ruleset, purchase(100, visit=7))
    assert [(line.rule, line.points, line.why) for line in award.breakdown] == [
        ("hello", 2, "2 points for each visit: this is visit 7")
    ]


def test_a_level_multiplies_it_like_all_that_is_earned() -> None:
    tiers = {
        "qualify_by": "spend",
        "window": {"kind": "lifetime"},
        "levels": [{"id": "gold", "from": 0, "multiplier_percent": 150}],
    }
    assert decide_purchase(ruleset_of(earning=[TENTH], tiers=tiers), purchase(100, visit=10, tier="gold")).points == 75


@given(total=st.integers(2, 10_000), data=st.data())
def test_a_purchase_keeps_it_while_anything_is_kept_and_nothing_when_all_came_back(
    total: int, data: st.DataObject
) -> None:
    ruleset, facts = ruleset_of(earning=[TENTH]), purchase(total, visit=20)
    part = data.draw(st.integers(1, total - 1))
    assert keep_after_refund(ruleset, facts, (Refund(part),)).points == 50
    assert keep_after_refund(ruleset, facts, (Refund(part), Refund(total - part))).points == 0


def test_visits_alone_may_earn_and_are_no_engagement() -> None:
    ruleset = ruleset_of(earning=[TENTH])
    assert check_ruleset(ruleset) == []
    tiers = {"qualify_by": "engagement", "window": {"kind": "lifetime"}, "levels": [{"id": "gold", "from": 1}]}
    (place,) = check_ruleset(ruleset_of(earning=[TENTH], tiers=tiers))
    assert place.pointer == "/tiers/qualify_by"


@pytest.mark.parametrize("every", [0, -1, "10"])
def test_it_refuses_what_is_no_number_of_visits(every: object) -> None:
    document = {"ruleset": 1, "program": PROGRAM, "earning": [TENTH | {"every": every}]}
    with pytest.raises(InvalidInput) as refused:
        parse_ruleset(json.dumps(document))
    assert [place.pointer for place in refused.value.places] == ["/earning/0/every"]
