"""Rewards for members: stock that the last piece ends, limits for each member, and what may be had and why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import InvalidInput, RewardUnavailable
from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewRedemption, NewVoucher
from token_service.ledger.redemptions import simulate_redemption
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.stock import set_stock, stock_of
from token_service.ledger.vouchers import buy_reward

RULES = rules(
    tiers="{qualify_by: spend, window: {kind: lifetime}, levels: [{id: bronze, from: 0}, {id: gold, from: 50000}]}",
    rewards="""
  - {id: coffee, kind: gift, points: 10}
  - {id: monthly, kind: discount, points: 10, per_member: {times: 1, every: P1M}}
  - {id: once, kind: digital, points: 10, per_member: {times: 1}}
  - {id: dinner, kind: experience, points: 500, levels: [gold]}
""",
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


@pytest.fixture
def member(town: Town) -> str:
    member = town.member()
    town.issue(member, 100)
    return member


def standing(town: Town, member: str) -> dict[str, views.RewardStanding]:
    return {one.id: one for one in list_reward_standings(town.context, town.alice, member)}


def refusal(town: Town, member: str, reward: str) -> dict[str, object]:
    with pytest.raises(RewardUnavailable) as refused:
        town.redeem(member, None, reward_id=reward)
    return dict(refused.value.facts)


def test_a_reward_has_a_cost_stock_and_validity_and_the_member_sees_what_they_may_claim(
    town: Town, member: str
) -> None:
    """Number 3 of the brief's list."""
    set_stock(town.context, ADMIN, "coffee", 7)
    found = standing(town, member)
    assert (found["coffee"].allowed, found["coffee"].pieces_left, found["coffee"].refusal) == (True, 7, {})
    assert (found["dinner"].allowed, found["dinner"].missing_points) == (False, 400)
    assert found["dinner"].refusal == {"reason": "level_needed", "levels": ["gold"]}


def test_a_piece_goes_with_each_redemption_and_the_last_one_ends_it(town: Town, member: str) -> None:
    set_stock(town.context, ADMIN, "coffee", 2)
    town.redeem(member, None, reward_id="coffee")
    buy_reward(town.context, Actor.member(member), NewVoucher("v-1", "coffee", 10))
    assert stock_of(town.context) == {"coffee": 0}
    assert refusal(town, member, "coffee") == {"reason": "sold_out"}
    assert standing(town, member)["coffee"].refusal == {"reason": "sold_out"}
    assert town.balance(member).available == 80, "a refusal takes nothing"
    town.check()


def test_it_comes_back_when_all_its_points_do(town: Town, member: str) -> None:
    set_stock(town.context, ADMIN, "coffee", 1)
    done = town.redeem(member, None, reward_id="coffee").value
    town.restore(done.id, 4)
    assert stock_of(town.context) == {"coffee": 0}
    town.restore(done.id)
    assert stock_of(town.context) == {"coffee": 1}


def test_the_same_reference_takes_one_piece(town: Town, member: str) -> None:
    set_stock(town.context, ADMIN, "coffee", 5)
    for _ in range(2):
        town.redeem(member, None, reward_id="coffee", reference="r-1")
    assert stock_of(town.context) == {"coffee": 4}


def test_a_simulation_takes_none(town: Town, member: str) -> None:
    set_stock(town.context, ADMIN, "coffee", 1)
    asked = NewRedemption("asked", member, reward_id="coffee")
    assert simulate_redemption(town.context, town.alice, asked).refusal is None
    set_stock(town.context, ADMIN, "coffee", 0)
    assert simulate_redemption(town.context, town.alice, asked).refusal == "reward_unavailable"
    assert stock_of(town.context) == {"coffee": 0}


def test_the_last_pieces_are_given_once_whoever_asks_at_the_same_moment(town: Town) -> None:
    set_stock(town.context, ADMIN, "coffee", 3)
    members = [town.member() for _ in range(8)]
    for member in members:
        town.issue(member, 10)

    def ask(member: str) -> bool:
        try:
            town.redeem(member, None, reward_id="coffee", reference=f"of-{member}")
        except RewardUnavailable:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, members)) == 3
    assert stock_of(town.context) == {"coffee": 0}
    town.check()


def test_stock_is_set_for_rewards_of_the_rules_only_and_ends_with_none(town: Town) -> None:
    with pytest.raises(RewardUnavailable):
        set_stock(town.context, ADMIN, "tea", 5)
    with pytest.raises(InvalidInput):
        set_stock(town.context, ADMIN, "coffee", -1)
    set_stock(town.context, ADMIN, "coffee", 0)
    set_stock(town.context, ADMIN, "coffee", None)
    assert stock_of(town.context) == {}


def test_a_reward_may_be_had_so_often_in_a_stretch_of_time(town: Town, member: str) -> None:
    done = town.redeem(member, None, reward_id="monthly").value
    town.clock.forward(20 * DAY)
    assert refusal(town, member, "monthly") == {"reason": "had_already"}
    other = town.member()
    town.issue(other, 10)
    town.redeem(other, None, reward_id="monthly")
    town.clock.forward(timedelta(days=11))
    assert town.redeem(member, None, reward_id="monthly").value.id != done.id


def test_what_was_given_back_does_not_count(town: Town, member: str) -> None:
    done = town.redeem(member, None, reward_id="once").value
    town.restore(done.id, 4)
    assert refusal(town, member, "once") == {"reason": "had_already"}
    town.restore(done.id)
    town.redeem(member, None, reward_id="once")
    town.check()
