"""Points with visits, and campaigns for some lines, in the ledger: through refunds, in tries, and after a rebuild."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import DAY, Make, Town, rules

from token_service.ledger import views
from token_service.ledger.inputs import NewItem
from token_service.ledger.purchases import simulate_purchase
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.program.ruleset import parse_ruleset

BASE = "{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}"
THIRD = rules().replace(BASE, BASE + ", {id: third, kind: visit, points: 50, every: 3}")
BREW = (
    "[{id: brew, award: {multiplier_percent: 200, items: {categories: [coffee]}}, limits: {budget_points: 30}}, "
    "{id: beans, award: {points: 1, per: 300, items: {skus: [BEANS]}}}]"
)
BASKET = (
    NewItem(line=1, amount=1_200, category="coffee", sku="BEANS", quantity=2),
    NewItem(line=2, amount=1_190, category="toys"),
)


def lines(purchase: views.Purchase) -> dict[str, int]:
    return {line.rule: line.points for line in purchase.breakdown}


@pytest.mark.parametrize("visits", ["", "visits: {window: PT4H}\n"], ids=["as recorded", "by their times"])
def test_every_third_visit_earns_once_however_visits_are_counted(make: Make, visits: str) -> None:
    """Issue 5: "every Nth visit"."""
    town = make(THIRD + visits)
    member = town.member()
    points = []
    for _ in range(6):
        points += [town.buy(member, 1_000).value.points]
        town.clock.forward(timedelta(minutes=30))
        points += [town.buy(member, 1_000).value.points]
        town.clock.forward(DAY - timedelta(minutes=30))
    assert points == [10] * 4 + [60] + [10] * 5 + [60, 10]
    town.check()


def test_a_refund_keeps_the_visit_and_the_last_cent_takes_it_back(make: Make) -> None:
    town = make(THIRD)
    member = town.member()
    for _ in range(2):
        town.buy(member, 1_000)
        town.clock.forward(DAY)
    bought = town.buy(member, 1_000).value
    assert town.balance(member).available == 80
    town.refund(bought.id, 400)
    assert town.balance(member).available == 76
    town.refund(bought.id, 600)
    assert town.balance(member).available == 20
    town.check()


def test_a_forgotten_visit_gives_its_number_to_the_next_one(make: Make) -> None:
    town = make(THIRD + "visits: {}\n")
    member = town.member()
    for _ in range(3):
        bought = town.buy(member, 1_000).value
        town.clock.forward(DAY)
    town.refund(bought.id, 1_000)
    assert lines(town.buy(member, 1_000).value) == {"base": 10, "third": 50}
    town.check()


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(campaigns=BREW))


def test_double_on_coffee_and_points_for_beans_give_for_their_lines_only(town: Town) -> None:
    assert lines(town.buy(town.member(), 2_390, items=BASKET).value) == {"base": 23, "beans": 4, "brew": 11}
    assert lines(town.buy(town.member(), 2_390).value) == {"base": 23}
    town.check()


def test_a_line_that_comes_back_takes_back_what_it_brought(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 2_390, items=BASKET).value
    town.refund(bought.id, items=((1, 1),))  # a bag of two: 6.00 EUR
    assert town.balance(member).available == 17 + 2 + 5
    town.refund(bought.id, items=((1, 1),))
    assert town.balance(member).available == 11
    town.refund(bought.id, 1_190)
    assert town.balance(member).available == 0
    town.check()


def test_a_budget_counts_what_the_lines_were_given_and_gets_it_back(town: Town) -> None:
    first = [town.buy(town.member(), 2_390, items=BASKET).value for _ in range(3)]
    assert [lines(one).get("limit:campaign:brew", 0) for one in first] == [0, 0, -3]
    town.refund(first[0].id, 2_390)
    assert "limit:campaign:brew" not in lines(town.buy(town.member(), 2_390, items=BASKET).value)
    town.check()


def test_a_try_says_the_same_before_anything_is_bought(town: Town) -> None:
    member = town.member()
    tried = simulate_purchase(town.context, town.alice, town.new_purchase(member, 2_390, items=BASKET)).value
    assert tried is not None
    assert lines(tried) == lines(town.buy(member, 2_390, items=BASKET).value)


def test_a_draft_with_visits_and_lines_is_tried_on_the_past(make: Make) -> None:
    town = make(rules())
    member = town.member()
    for _ in range(3):
        town.buy(member, 2_390, items=BASKET)
        town.clock.forward(DAY)
    found = replay_purchases(town.context, parse_ruleset(THIRD + f"campaigns: {BREW}\n"), 30)
    assert (found.given, found.other) == (3 * 23, 3 * 23 + 50 + 3 * 4 + 30)
