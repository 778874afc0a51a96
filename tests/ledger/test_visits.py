"""Visits under `visits`: counted by when purchases were made and kept, whatever the order in which tills report them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.ledger import views
from token_service.ledger.inputs import NewPurchase
from token_service.ledger.merging import merge_members
from token_service.ledger.purchases import record_purchases, simulate_purchase
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.migrations import downgrade, upgrade
from token_service.program.ruleset import parse_ruleset

BONUS = "[{id: third, when: visit.number % 3 == 0 && visit.receipt == 1, award: {points: 100}}]"
RULES = rules(visits="{}", campaigns=BONUS)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def buy(town: Town, member: str, at: datetime) -> views.Purchase:
    return town.buy(member, 1_000, occurred_at=at).value


def bonuses(town: Town, member: str) -> int:
    """How often the member has the bonus now: each purchase of 10.00 earns 10 points beside it."""
    return town.balance(member).available // 100


def test_visits_10_20_30_issue_the_bonus_once_each(make: Make) -> None:
    """Number 6 of the brief's list: "Visits 10, 20, 30 issue the bonus once each; two receipts inside the visit window count as
    one visit".
    """
    tenth = BONUS.replace("% 3", "% 10")
    town = make(rules(visits="{window: PT4H}", campaigns=tenth))
    member = town.member()
    points = []
    for _ in range(30):
        points.append(buy(town, member, town.clock.at).points)
        town.clock.forward(timedelta(hours=3))
        points.append(buy(town, member, town.clock.at).points)
        town.clock.forward(DAY)
    assert [number for number, one in enumerate(points) if one > 100] == [18, 38, 58]
    town.check()


def test_two_days_reported_in_turns_are_two_visits(town: Town) -> None:
    """What the rules without `visits` take for six."""
    member, monday = town.member(), town.clock.at
    town.clock.forward(2 * DAY)
    for hours in range(3):
        for day in range(2):
            buy(town, member, monday + day * DAY + timedelta(minutes=hours))
    assert bonuses(town, member) == 0
    buy(town, member, monday + 2 * DAY)
    assert bonuses(town, member) == 1
    town.check()


def test_without_the_key_it_stays_as_it_was(make: Make) -> None:
    town = make(RULES.replace("visits: {}\n", ""))
    member, monday = town.member(), town.clock.at
    town.clock.forward(DAY)
    for day in (0, 1, 0, 1, 0, 1):
        buy(town, member, monday + day * DAY)
    assert bonuses(town, member) == 2


def test_a_visit_of_which_all_was_given_back_is_forgotten_and_its_bonus_may_come_again(town: Town) -> None:
    member = town.member()
    bought = []
    for _ in range(3):
        bought.append(buy(town, member, town.clock.at))
        town.clock.forward(DAY)
    town.refund(bought[2].id, 1_000)
    assert town.balance(member).available == 20
    buy(town, member, town.clock.at)
    assert bonuses(town, member) == 1
    town.check()


def test_refunds_of_other_visits_bring_no_second_bonus(town: Town) -> None:
    """Buy, refund, buy …: number 3 is given once while its visit is kept."""
    member = town.member()
    for _ in range(3):
        first = buy(town, member, town.clock.at)
        town.clock.forward(DAY)
    kept = bonuses(town, member)
    first = None
    for _ in range(4):
        if first is not None:
            town.refund(first.id, 1_000)
        first = buy(town, member, town.clock.at)
        town.clock.forward(DAY)
    assert (kept, bonuses(town, member)) == (1, 1)


def test_with_count_a_visit_stays_one_whatever_comes_back(make: Make) -> None:
    town = make(RULES.replace("visits: {}", "visits: {refunded: count}"))
    member = town.member()
    for _ in range(2):
        town.refund(buy(town, member, town.clock.at).id, 1_000)
        town.clock.forward(DAY)
    assert buy(town, member, town.clock.at).points == 110


def test_a_batch_counts_as_single_purchases_do(town: Town) -> None:
    one, other, monday = town.member(), town.member(), town.clock.at
    town.clock.forward(4 * DAY)
    days = (0, 2, 0, 1, 2, 3)
    single = [buy(town, one, monday + day * DAY).points for day in days]
    news = [town.new_purchase(other, 1_000, occurred_at=monday + day * DAY) for day in days]
    assert [item.value.points for item in record_purchases(town.context, town.alice, news)] == single  # type: ignore[union-attr]
    assert single == [10, 10, 10, 110, 10, 10]
    town.check()


def test_a_simulated_purchase_says_what_the_real_one_gives(town: Town) -> None:
    member = town.member()
    for _ in range(2):
        buy(town, member, town.clock.at)
        town.clock.forward(DAY)
    new: NewPurchase = town.new_purchase(member, 1_000)
    simulated = simulate_purchase(town.context, town.alice, new).value
    assert simulated is not None
    assert simulated.points == 110 == buy(town, member, town.clock.at).points


def test_a_replay_under_these_rules_gives_what_was_given_and_others_are_told_apart(town: Town) -> None:
    """Also with what came back only after the next visit."""
    member, bought, start = town.member(), [], town.clock.at
    town.clock.forward(9 * DAY)
    for day in (0, 1, 0, 1, 2, 3, 3):
        bought.append(buy(town, member, start + day * DAY))
    town.refund(bought[1].id, 1_000)
    town.refund(bought[3].id, 1_000)
    buy(town, member, start + 4 * DAY)
    buy(town, member, start + 5 * DAY)
    found = replay_purchases(town.context, parse_ruleset(RULES), 366)
    assert (found.given, found.other) == (170, 170)
    by_month = RULES.replace("visits: {}", "visits: {window: P30D}")
    assert replay_purchases(town.context, parse_ruleset(by_month), 366).other == 70


def test_visits_of_two_accounts_add_up(town: Town) -> None:
    one, other = town.member(), town.member()
    for member in (one, other):
        buy(town, member, town.clock.at)
        town.clock.forward(DAY)
    merge_members(town.context, ADMIN, other, one, "two cards")
    assert buy(town, one, town.clock.at).points == 110
    town.clock.forward(DAY)
    assert buy(town, one, town.clock.at).points == 10
    town.check()


def test_purchases_of_an_older_ledger_get_their_visits_from_their_facts(town: Town) -> None:
    member = town.member()
    for _ in range(2):
        buy(town, member, town.clock.at)
        town.clock.forward(DAY)
    downgrade(town.context.store.engine, "0033")
    upgrade(town.context.store.engine)
    assert buy(town, member, town.clock.at).points == 110
    town.check()
