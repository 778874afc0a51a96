"""Campaigns for some lines: what each line earned, exactly, and what a multiplier or points per money for those lines give."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.program.basket import left_of, whole
from token_service.program.earning import Award, decide_purchase, running_campaigns
from token_service.program.facts import PurchaseFacts
from token_service.program.line_shares import shares
from token_service.program.refunds import LineRefund, Refund, keep_after_refund
from token_service.program.ruleset import Ruleset
from token_service.program.schema import ItemRule, SpendRule, VisitRule

from .baskets import BASE, item, purchase, purchases, refunds_of, ruleset_of, rulesets

DOUBLE = {"id": "double", "award": {"multiplier_percent": 200, "items": {"categories": ["COFFEE"]}}}
COFFEE_AND_TOYS = (item(1, 1200, category="COFFEE"), item(2, 1190, category="TOYS"))
GOLD = {
    "qualify_by": "spend",
    "window": {"kind": "lifetime"},
    "levels": [{"id": "gold", "from": 0, "multiplier_percent": 150}],
}


def points_of(award: Award) -> dict[str, int]:
    return {line.rule: line.points for line in award.breakdown}


def decided(campaigns: list[Any], items: tuple[Any, ...] = COFFEE_AND_TOYS, **keys: Any) -> dict[str, int]:
    facts = {name: keys.pop(name) for name in ("total", "tax", "shipping", "discount", "tier") if name in keys}
    return points_of(decide_purchase(ruleset_of(campaigns=campaigns, **keys), purchase(items=items, **facts)))


def test_double_on_coffee_doubles_the_coffee_and_not_the_basket() -> None:
    """Issue 5: "campaigns"; "double on coffee this week" said 46 of such a basket before."""
    assert decided([DOUBLE]) == {"base": 23, "double": 11}


def test_a_basket_without_coffee_hears_nothing_of_it() -> None:
    assert decided([DOUBLE], (item(1, 2390, category="TOYS"),)) == {"base": 23}
    assert points_of(decide_purchase(ruleset_of(campaigns=[DOUBLE]), purchase(2390))) == {"base": 23}


def test_shipping_is_no_lines() -> None:
    assert decided([DOUBLE], COFFEE_AND_TOYS[:1], total=2000, shipping=800) == {"base": 20, "double": 12}


def test_an_orders_discount_lies_on_all_lines() -> None:
    lines = (item(1, 1000, category="COFFEE"), item(2, 1000))
    assert decided([DOUBLE], lines, total=1500, discount=500) == {"base": 15, "double": 7}  # 7.5, rounded down


def test_tax_that_only_the_order_names_makes_no_line_earn_more_than_all() -> None:
    net = [{**BASE, "basis": "net"}]
    assert decided([DOUBLE], COFFEE_AND_TOYS[:1], earning=net, tax=200) == {"base": 10, "double": 10}


def test_pieces_and_money_of_item_rules_are_shared_by_their_own_lines() -> None:
    fresh = {"id": "fresh", "kind": "item", "points": 5, "per_quantity": 1, "categories": ["COFFEE", "TOYS"]}
    lines = (item(1, 1200, category="COFFEE", quantity=3), item(2, 1190, category="TOYS", quantity=1))
    assert decided([DOUBLE], lines, earning=[fresh]) == {"fresh": 20, "double": 15}


def test_levels_and_campaigns_multiply_each_line_by_all_that_are_for_it() -> None:
    lines = (item(1, 1000, category="COFFEE"), item(2, 1000))
    assert decided([DOUBLE], lines, tiers=GOLD, tier="gold") == {"base": 20, "tier:gold": 10, "double": 15}
    twice = {"id": "twice", "award": {"multiplier_percent": 300}}
    assert sum(decided([DOUBLE, twice], lines).values()) == (10 * 2 + 10) * 3
    assert sum(decided([twice, DOUBLE], lines).values()) == (10 * 2 + 10) * 3


def test_points_of_a_visit_or_a_plain_bonus_belong_to_no_line() -> None:
    visit = {"id": "visit", "kind": "visit", "points": 50}
    bonus = {"id": "bonus", "award": {"points": 10}}
    given = decided([bonus, DOUBLE], COFFEE_AND_TOYS[:1], earning=[BASE, visit], multipliers=ON_ALL)
    assert given == {"base": 12, "visit": 50, "bonus": 10, "double": 12}


ON_ALL = {"basis": "earning_and_bonuses"}
BEANS = {"id": "beans", "award": {"points": 1, "per": 100, "items": {"categories": ["COFFEE"]}}}


def test_a_bonus_for_coffee_is_multiplied_with_it_when_bonuses_are() -> None:
    assert decided([BEANS, DOUBLE], multipliers=ON_ALL) == {"base": 23, "beans": 12, "double": 23}  # 11.55 + 12
    assert decided([BEANS, DOUBLE]) == {"base": 23, "beans": 12, "double": 11}


@pytest.mark.parametrize(("rounding", "points"), [("floor", 5), ("half_up", 6), ("ceil", 6)])
def test_points_per_money_round_once_as_declared(rounding: str, points: int) -> None:
    lines = (item(1, 250, category="COFFEE"), item(2, 300, category="COFFEE"), item(3, 900))
    award = {**BEANS["award"], "rounding": rounding}  # type: ignore[dict-item]
    assert decided([{"id": "beans", "award": award}], lines)["beans"] == points


@pytest.mark.parametrize(("basis", "points"), [("gross", 60), ("net", 50), ("goods", 55)])
def test_without_items_it_counts_the_order_by_its_basis(basis: str, points: int) -> None:
    more = {"id": "more", "award": {"points": 1, "per": 100, "basis": basis}}
    award = decide_purchase(ruleset_of(campaigns=[more]), purchase(6000, tax=1000, shipping=500))
    assert points_of(award)["more"] == points


def test_net_of_tax_leaves_out_the_matching_lines_tax() -> None:
    lines = (item(1, 1100, category="COFFEE", tax=100), item(2, 900))
    net = {"points": 1, "per": 50, "basis": "net", "items": {"categories": ["COFFEE"]}}
    assert decided([{"id": "beans", "award": net}], lines)["beans"] == 20


def test_a_budget_cuts_what_the_lines_were_given() -> None:
    from token_service.program.campaign_uses import decide_within_limits, points_used

    ruleset = ruleset_of(campaigns=[DOUBLE | {"limits": {"budget_points": 100}}])
    facts, award = decide_within_limits(ruleset, purchase(items=COFFEE_AND_TOYS), lambda _some: {}, lambda _budget: 4)
    assert points_of(award) == {"base": 23, "double": 11, "limit:campaign:double": -7}
    assert points_used(facts, award) == {"double": 4}


def test_a_line_that_comes_back_takes_its_own_share_with_it() -> None:
    ruleset, facts = ruleset_of(campaigns=[DOUBLE]), purchase(items=COFFEE_AND_TOYS)
    toys = Refund(0, (LineRefund(2, 1, 1190),))
    coffee = Refund(0, (LineRefund(1, 1, 1200),))
    assert points_of(keep_after_refund(ruleset, facts, (toys,))) == {"base": 12, "double": 12}
    assert points_of(keep_after_refund(ruleset, facts, (coffee,))) == {"base": 11}
    half = keep_after_refund(ruleset, facts, (Refund(1195),))
    assert points_of(half) == {"base": 11, "double": 5}  # the coffee's share of 11 is 5.52
    assert keep_after_refund(ruleset, facts, (toys, coffee)).points == 0


# --- for every basket -------------------------------------------------------------------------------------------------


@given(data=st.data(), ruleset=rulesets(), facts=purchases())
def test_shares_are_never_negative_and_sum_to_what_was_given(
    data: st.DataObject, ruleset: Ruleset, facts: PurchaseFacts
) -> None:
    refunds = data.draw(refunds_of(facts))
    lines = tuple(line for refund in refunds for line in refund.items)
    basket = left_of(facts, amount=sum(refund.amount for refund in refunds), lines=lines) if refunds else whole(facts)
    rules = [rule for rule in ruleset.earning if isinstance(rule, SpendRule | ItemRule | VisitRule)]
    given_points = [(rule, data.draw(st.integers(0, 1000))) for rule in rules]
    found = shares(given_points, basket)
    assert sum(found.values()) == sum(points for _, points in given_points)
    assert min(found.values()) >= Fraction(0)


@given(facts=purchases(), percent=st.integers(100, 400))
def test_for_some_lines_never_gives_more_than_for_all_and_parts_sum_to_it(facts: PurchaseFacts, percent: int) -> None:
    def extra(items: dict[str, Any] | None) -> int:
        award = {"multiplier_percent": percent} | ({} if items is None else {"items": items})
        ruleset = ruleset_of(campaigns=[{"id": "c", "award": award}], earning=[{**BASE, "basis": "goods"}])
        return points_of(decide_purchase(ruleset, facts)).get("c", 0)

    parts = [extra({"categories": [name]}) for name in ("GROCERY", "PRODUCE", "MEAT", "DELI")]
    together = extra({"categories": ["GROCERY", "PRODUCE", "MEAT", "DELI"]})
    assert sum(parts) <= together <= sum(parts) + 3  # each part rounds down
    assert together <= extra(None)
    if facts.items and all(one.category for one in facts.items) and any(one.amount for one in facts.items):
        is_running = bool(running_campaigns(ruleset_of(campaigns=[DOUBLE_ALL]), whole(facts)))
        assert not is_running or together == extra(None)


DOUBLE_ALL = {
    "id": "c",
    "award": {"multiplier_percent": 200, "items": {"categories": ["GROCERY", "PRODUCE", "MEAT", "DELI"]}},
}
