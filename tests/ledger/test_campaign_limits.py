"""Limits of campaigns in the ledger: kept under every order of things, given back by refunds, the same after a rebuild."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_town import ADMIN, DAY, Make, Town, accept_by_chain, rules
from sqlalchemy import select, update

from token_service.ledger import tables
from token_service.ledger.purchases import record_purchases, simulate_purchase
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.rulesets import draft, publish
from token_service.ledger.views import BatchOutcome, Purchase
from token_service.program.ruleset import parse_ruleset

ONCE_A_WEEK = "[{id: lunch, award: {points: 10}, limits: {per_member: {times: 1, every: P7D}, budget_points: 25}}]"
BUDGET = "[{id: gift, award: {points: 10}, limits: {budget_points: 100}}]"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(campaigns=ONCE_A_WEEK))


def used(town: Town) -> dict[str, int]:
    with town.context.store.read() as connection:
        return {row.campaign_id: row.used_points for row in connection.execute(select(tables.campaign_budgets))}


def extra(purchase: Purchase) -> int:
    """What came on top of one point for each euro."""
    return purchase.points - purchase.total.amount // 100


def test_a_member_gets_it_once_in_its_stretch_and_again_after_it(town: Town) -> None:
    member = town.member()
    assert [extra(town.buy(member, 1_000).value) for _ in range(2)] == [10, 0]
    town.clock.forward(7 * DAY)
    assert extra(town.buy(member, 1_000).value) == 10
    town.check()


def test_the_answer_says_why_there_is_none(town: Town) -> None:
    member = town.member()
    town.buy(member, 1_000)
    lines = town.buy(member, 1_000).value.breakdown
    assert [(line.rule, line.points) for line in lines] == [("base", 10), ("limit:campaign:lunch", 0)]
    assert lines[-1].why == "at most once a member in P7D"


def test_what_the_budget_has_left_goes_to_whoever_comes_last(town: Town) -> None:
    given = [extra(town.buy(town.member(), 1_000).value) for _ in range(4)]
    assert given == [10, 10, 5, 0]
    assert used(town) == {"lunch": 25}
    town.check()


def test_a_refund_gives_points_back_to_the_budget_and_the_use_to_the_member(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 1_000).value
    town.refund(bought.id, 400)
    assert used(town) == {"lunch": 10}, "what is left of the purchase still holds the award"
    town.refund(bought.id, 600)
    assert used(town) == {"lunch": 0}
    assert extra(town.buy(member, 1_000).value) == 10
    town.check()


def test_a_simulation_says_the_same_and_uses_nothing(town: Town) -> None:
    new = town.new_purchase(town.member(), 1_000)
    simulated = simulate_purchase(town.context, town.alice, new).value
    assert simulated is not None
    assert extra(simulated) == 10
    assert used(town) == {}


def test_purchases_of_one_batch_see_each_other(make: Make) -> None:
    town = make(rules(campaigns=ONCE_A_WEEK))
    one, other = town.member(), town.member()
    news = [town.new_purchase(member, 1_000) for member in (one, one, other, other, town.member(), town.member())]
    done = record_purchases(town.context, town.alice, news)
    assert [extra(item.value) for item in done if isinstance(item, BatchOutcome)] == [10, 0, 10, 0, 5, 0]
    town.check()


def test_a_refused_item_of_a_batch_uses_nothing(make: Make) -> None:
    town = make(rules(campaigns=BUDGET))
    good, bad = town.new_purchase(town.member(), 1_000), town.new_purchase(town.member(), 1_000, tax=5_000)
    record_purchases(town.context, town.alice, [bad, good, bad])
    assert used(town) == {"gift": 10}


def test_many_at_once_never_exceed_the_budget(make: Make) -> None:
    town = make(rules(campaigns=BUDGET))
    members = [town.member() for _ in range(16)]
    with ThreadPoolExecutor(8) as tills:
        given = list(tills.map(lambda member: extra(town.buy(member, 500).value), members))
    assert sorted(given, reverse=True) == [10] * 10 + [0] * 6
    assert used(town) == {"gift": 100}
    town.check()


def test_a_budget_in_money_ends_where_its_points_are_given(make: Make) -> None:
    money = BUDGET.replace("budget_points: 100", "budget_amount: 250")
    town = make(rules(campaigns=money))  # 100 points are worth 10.00 EUR
    assert [extra(town.buy(town.member(), 500).value) for _ in range(4)] == [10, 10, 5, 0]
    assert used(town) == {"gift": 25}
    town.check()


def test_another_ruleset_with_the_same_id_goes_on_with_the_same_budget(make: Make) -> None:
    town = make(rules(campaigns=BUDGET))
    town.buy(town.member(), 1_000)
    document = rules(campaigns=BUDGET.replace("100", "15"))
    drafted = draft(town.context, ADMIN, document)
    publish(town.context, ADMIN, drafted.hash, town.clock() + DAY)
    accept_by_chain(town, drafted.hash)
    town.clock.forward(DAY)
    assert extra(town.buy(town.member(), 1_000).value) == 5


def test_a_rebuild_finds_a_wrong_figure_and_puts_it_right(town: Town) -> None:
    bought = town.buy(town.member(), 1_000).value
    town.refund(bought.id, 1_000)
    town.buy(town.member(), 1_000)
    assert check_rebuild(town.context) == []
    with town.context.store.write() as connection:
        connection.execute(update(tables.campaign_budgets).values(used_points=7))
        connection.execute(update(tables.campaign_uses).values(points=3))
    assert len(check_rebuild(town.context)) == 3
    rebuild(town.context)
    assert check_rebuild(town.context) == []
    assert used(town) == {"lunch": 10}


def test_a_draft_is_tried_on_the_past_within_its_limits(make: Make) -> None:
    town = make(rules())
    members = [town.member() for _ in range(3)]
    for member in members * 2:
        town.buy(member, 1_000)
    found = replay_purchases(town.context, parse_ruleset(rules(campaigns=ONCE_A_WEEK)), 30)
    assert (found.given, found.other) == (60, 85)
