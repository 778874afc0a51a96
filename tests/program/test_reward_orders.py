"""What a reward takes off an order, and which orders it is for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import RewardUnavailable
from token_service.program.reward_orders import Fit, Order, fit
from token_service.program.schema import Reward

from .baskets import item, ruleset_of

BASKET = (
    item(1, 1_990, category="TOYS"),
    item(2, 1_203, category="PRODUCE"),
    item(3, 400, sku="COFFEE-250"),
)
TOTAL = 3_593


def reward(**more: Any) -> Reward:
    kind = "discount" if "discount" in more else "gift"
    return ruleset_of(rewards=[{"id": "box", "kind": kind, "points": 100, **more}]).rewards[0]


def refused(one: Reward, order: Order | None) -> dict[str, Any]:
    with pytest.raises(RewardUnavailable) as found:
        fit(one, order)
    return dict(found.value.facts)


@pytest.mark.parametrize(
    ("discount", "total", "off"),
    [
        ({"amount": 500}, 2_000, 500),
        ({"amount": 500}, 320, 320),
        ({"amount": 500}, 0, 0),
        ({"percent": 10}, 1_999, 199),
        ({"percent": 10, "up_to": 150}, 1_999, 150),
        ({"percent": 100}, 1_999, 1_999),
        ({"percent": 1}, 99, 0),
    ],
)
def test_a_discount_is_fixed_or_percent_rounded_down_and_never_more_than_the_order(
    discount: dict[str, int], total: int, off: int
) -> None:
    """From the issue: "discount (fixed, percent)"."""
    assert fit(reward(discount=discount), Order(total)) == Fit(total, total, off)


@pytest.mark.parametrize(
    ("bound", "counted", "off"),
    [
        ({"categories": ["PRODUCE"]}, 1_203, 120),
        ({"skus": ["COFFEE-250"]}, 400, 40),
        ({"categories": ["PRODUCE", "MEAT"], "skus": ["COFFEE-250"]}, 1_603, 160),
        ({"min_total": TOTAL}, TOTAL, 359),
    ],
)
def test_only_the_lines_that_it_names_count(bound: dict[str, Any], counted: int, off: int) -> None:
    found = fit(reward(discount={"percent": 10}, **bound), Order(TOTAL, BASKET))
    assert found == Fit(TOTAL, counted, off)


def test_number_11_a_reward_bound_to_a_category_is_refused_outside_it_with_a_reason_code() -> None:
    one = reward(categories=["MEAT"], skus=["TEA"])
    assert refused(one, Order(TOTAL, BASKET)) == {"reason": "other_category", "categories": ["MEAT"], "skus": ["TEA"]}


def test_a_refusal_always_says_why_and_what_is_missing() -> None:
    """The issue's sentence."""
    one = reward(min_total=2_000)
    assert refused(one, Order(1_501)) == {"reason": "below_minimum", "min_total": 2_000, "missing_amount": 499}
    assert refused(one, None) == {"reason": "order_needed", "min_total": 2_000}
    bound = reward(categories=["MEAT"], min_total=2_000)
    assert refused(bound, Order(9_000)) == {"reason": "items_needed", "categories": ["MEAT"], "min_total": 2_000}


def test_a_gift_takes_no_money_off_and_a_free_reward_asks_for_no_order() -> None:
    assert fit(reward(categories=["TOYS"]), Order(TOTAL, BASKET)) == Fit(TOTAL, 1_990, None)
    assert fit(reward(), None) is None
    assert fit(reward(discount={"percent": 10}), None) is None


def test_lines_that_come_to_more_than_the_total_count_up_to_it() -> None:
    one = reward(categories=["PRODUCE"], discount={"percent": 50})
    assert fit(one, Order(1_000, BASKET)) == Fit(1_000, 1_000, 500)


@given(
    total=st.integers(0, 10**9),
    amounts=st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 10**8)), min_size=1, max_size=8),
    discount=st.one_of(
        st.builds(lambda amount: {"amount": amount}, st.integers(1, 10**9)),
        st.builds(
            lambda percent, most: {"percent": percent, "up_to": most}, st.integers(1, 100), st.integers(1, 10**9)
        ),
    ),
)
def test_what_comes_off_is_never_more_than_the_matching_lines_or_the_total(
    total: int, amounts: list[tuple[str, int]], discount: dict[str, int]
) -> None:
    lines = [item(place, amount, category=category) for place, (category, amount) in enumerate(amounts)]
    one = reward(categories=["A"], discount=discount)
    matching = [amount for category, amount in amounts if category == "A"]
    if not matching:
        assert refused(one, Order(total, lines))["reason"] == "other_category"
        return
    found = fit(one, Order(total, lines))
    assert found is not None
    assert found.discount is not None
    assert 0 <= found.discount <= min(total, sum(matching))
