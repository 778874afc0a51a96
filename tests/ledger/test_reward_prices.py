"""Rewards that cost members of a level another price: everybody who asks says the same one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import DAY, Make, Town, rules

from token_service.errors import InsufficientBalance, RewardUnavailable
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewRedemption, NewVoucher
from token_service.ledger.members import get_member
from token_service.ledger.redemptions import simulate_redemption
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.segments import set_segments
from token_service.ledger.vouchers import buy_reward

RULES = rules(
    tiers="{qualify_by: spend, window: {kind: rolling, period: P30D}, levels: [{id: bronze, from: 0}, {id: gold, from: 50000}]}",
    segments="[{id: students}]",
    rewards="""
  - {id: dinner, kind: experience, points: 200, points_by_level: {gold: 120}}
  - {id: book, kind: gift, points: 10, levels: [gold], segments: [students]}
""",
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def price_now(town: Town, member: str) -> tuple[int, int]:
    found = next(one for one in list_reward_standings(town.context, town.alice, member) if one.id == "dinner")
    return found.points, found.missing_points


def golden(town: Town) -> str:
    member = town.member()
    town.buy(member, 50_000)
    return member


def test_cost_by_tier_is_what_each_member_pays_and_misses(town: Town) -> None:
    """From the issue: "cost by tier"."""
    bronze, gold = town.member(), golden(town)
    town.issue(bronze, 150)
    town.issue(gold, 200)
    assert price_now(town, bronze) == (200, 50)
    assert price_now(town, gold) == (120, 0)
    with pytest.raises(InsufficientBalance) as refused:
        town.redeem(bronze, None, reward_id="dinner")
    assert refused.value.facts["missing_points"] == 50
    assert town.redeem(gold, None, reward_id="dinner").value.points == 120
    simulated = simulate_redemption(town.context, town.alice, NewRedemption("s-1", gold, reward_id="dinner"))
    assert simulated.value is not None
    assert simulated.value.points == 120
    town.check()


def test_a_voucher_costs_the_price_that_its_member_agreed_to(town: Town) -> None:
    gold = golden(town)
    with pytest.raises(RewardUnavailable, match="price"):
        buy_reward(town.context, Actor.member(gold), NewVoucher("v-0", "dinner", 200))
    bought = buy_reward(town.context, Actor.member(gold), NewVoucher("v-1", "dinner", 120)).value
    assert bought.points == 120
    town.check()


def test_a_level_that_has_ended_sets_no_price_before_the_worker_has_said_so(town: Town) -> None:
    gold = golden(town)
    town.issue(gold, 500)
    town.clock.at += timedelta(days=31)
    assert get_member(town.context, town.alice, gold).tier == "gold", "nobody has looked yet"
    assert price_now(town, gold) == (200, 0)
    assert town.redeem(gold, None, reward_id="dinner").value.points == 200
    assert get_member(town.context, town.alice, gold).tier == "bronze", (
        "and the change is recorded before the redemption"
    )
    town.check()


def test_a_level_reached_by_a_purchase_sets_the_price_of_what_follows_at_once(town: Town) -> None:
    member = town.member()
    town.issue(member, 500)
    assert town.redeem(member, None, reward_id="dinner").value.points == 200
    town.buy(member, 50_000)
    assert town.redeem(member, None, reward_id="dinner").value.points == 120
    town.clock.at += DAY
    town.check()


def test_eligibility_by_segment_is_said_with_what_is_missing(town: Town) -> None:
    """From the issue: "eligibility"."""
    member = town.member()
    town.issue(member, 50)
    with pytest.raises(RewardUnavailable) as refused:
        town.redeem(member, None, reward_id="book")
    assert refused.value.facts == {"reason": "level_needed", "levels": ["gold"], "segments": ["students"]}
    set_segments(town.context, Actor.admin("office"), member, ["students"])
    assert town.redeem(member, None, reward_id="book").value.points == 10
    town.check()
