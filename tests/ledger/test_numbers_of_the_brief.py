"""Sentences of the brief (reference/loyalty-systems.md §1) as it words them, through the ledger on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, START, TIERS, Make, Town, accept_by_chain, rules

from token_service.errors import CeilingReached
from token_service.ledger.due import run_due
from token_service.ledger.members import get_member
from token_service.ledger.purchases import get_purchase
from token_service.ledger.rulesets import draft, publish

VISITS = "[{id: tenth-visit, when: 'visit.number % 10 == 0 && visit.receipt == 1', award: {points: 50}}]"
BASKET = "[{id: big, when: 'order.total >= 5000', award: {points: 20}}]"
NEW = "[{id: new, when: 'member.age_days <= 30', award: {points: 7}}]"


def extra(points: int, total: int) -> int:
    """What came on top of one point for each euro."""
    return points - total // 100


def test_number_1_a_23_90_eur_order_issues_exactly_23_points_once_per_order_reference(town: Town) -> None:
    member = town.member()
    first = town.buy(member, 2_390, reference="order-1")
    again = town.buy(member, 2_390, reference="order-1")
    assert [entry.points for entry in first.entries] == [23]
    assert again.replayed
    assert town.balance(member).available == 23
    town.check()


def test_number_6_visits_10_20_30_issue_the_bonus_once_each_and_two_receipts_of_a_visit_count_as_one(
    make: Make,
) -> None:
    town = make(rules(campaigns=VISITS))
    member = town.member()
    bonuses: list[int] = []
    for visit in range(1, 31):
        for _ in range(2):
            bought = town.buy(member, 500).value
            if extra(bought.points, 500):
                bonuses.append(visit)
        town.clock.forward(DAY)
    assert bonuses == [10, 20, 30]
    town.check()


def test_number_7_crossing_a_threshold_in_the_window_changes_the_tier_and_its_end_takes_it_away(make: Make) -> None:
    town = make(rules(tiers=TIERS))
    member = town.member()
    town.buy(member, 4_999)
    assert get_member(town.context, town.alice, member).tier == "bronze"
    town.buy(member, 1)
    assert get_member(town.context, town.alice, member).tier == "gold"
    town.pass_time(timedelta(days=366))
    assert get_member(town.context, town.alice, member).tier == "bronze"
    town.check()


def test_number_13_49_99_eur_earns_no_bonus_and_50_00_eur_does(make: Make) -> None:
    town = make(rules(campaigns=BASKET))
    member = town.member()
    assert extra(town.buy(member, 4_999).value.points, 4_999) == 0
    assert extra(town.buy(member, 5_000).value.points, 5_000) == 20


def test_number_15_a_campaign_may_require_a_member_s_age_in_days(make: Make) -> None:
    town = make(rules(campaigns=NEW))
    member = town.member()
    town.clock.forward(30 * DAY)
    assert extra(town.buy(member, 500).value.points, 500) == 7
    town.clock.forward(DAY)
    assert extra(town.buy(member, 500).value.points, 500) == 0


def test_number_43_lots_expire_oldest_first_and_the_burn_equals_the_sum_of_expired_lots(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P10D}"))
    member = town.member()
    for cents in (1_000, 2_000, 4_000):
        town.buy(member, cents)
        town.clock.forward(DAY)
    town.redeem(member, 15)  # the first lot, and five of the second
    town.clock.at = START + 12 * DAY
    run_due(town.context)
    burns = [entry.points for entry in town.statement(member) if entry.kind == "expiry"]
    assert sum(burns) == -(20 - 5 + 40)
    assert town.balance(member).available == 0
    town.check()


@pytest.mark.parametrize(
    ("document", "points", "line"),
    [
        (rules(limits="{per_order_points: 30}"), 30, "limit:per_order_points"),
        (rules(limits="{per_member_day_points: 40}"), 40, "limit:per_member_day_points"),
        (rules(campaigns="[{id: gift, award: {points: 90}, limits: {budget_points: 25}}]"), 75, "limit:campaign:gift"),
    ],
)
def test_number_46_caps_reduce_the_excess_and_the_refusal_is_recorded(
    make: Make, document: str, points: int, line: str
) -> None:
    town = make(document)
    bought = town.buy(town.member(), 5_000).value
    assert bought.points == points
    assert next(one for one in bought.breakdown if one.rule == line).points < 0


def test_number_46_a_merchant_s_cap_refuses_what_exceeds_it(make: Make) -> None:
    town = make(rules(), ceiling_points=60)
    town.buy(town.member(), 5_000)
    with pytest.raises(CeilingReached):
        town.buy(town.member(), 5_000)


def test_number_47_a_new_version_takes_effect_at_an_instant_and_past_issuances_point_to_their_own(make: Make) -> None:
    town = make(rules())
    member = town.member()
    before = town.buy(member, 1_000).value
    drafted = draft(town.context, ADMIN, rules().replace("points: 1, per", "points: 3, per"))
    publish(town.context, ADMIN, drafted.hash, START + DAY)
    accept_by_chain(town, drafted.hash)
    town.clock.at = START + DAY - timedelta(seconds=1)
    assert town.buy(member, 1_000).value.points == 10
    town.clock.at = START + DAY
    after = town.buy(member, 1_000).value
    assert (after.points, after.ruleset) == (30, drafted.hash)
    assert get_purchase(town.context, town.alice, before.id).ruleset == before.ruleset != drafted.hash
