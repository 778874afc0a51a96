"""Spending has limits: the least amount, steps, a member's day, the time between two."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import DAY, Make, Town, rules

from token_service.errors import LimitExceeded
from token_service.ledger.context import Actor
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import NewCapture, NewHold, NewRedemption, NewRenewal
from token_service.ledger.redemptions import simulate_redemption
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.standing_orders import renew, set_standing_order

HOUR = timedelta(hours=1)
REWARDS = "[{id: pen, kind: gift, points: 30}]"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(redemption="{min_points: 100, step_points: 50, per_member_day_points: 400}", rewards=REWARDS))


def rich(town: Town) -> str:
    member = town.member()
    for _ in range(4):
        town.issue(member, 500)
    return member


def reason(town: Town, member: str, points: int | None, reward_id: str | None = None) -> str | None:
    new = NewRedemption("", member, points=points, reward_id=reward_id)
    seen = simulate_redemption(town.context, town.alice, new)
    return None if seen.refusal is None else str(seen.facts.get("reason"))


def test_spending_has_a_minimum_a_step_and_a_day(town: Town) -> None:
    member = rich(town)
    assert reason(town, member, 50) == "too_few"
    assert reason(town, member, 120) == "no_step"
    town.redeem(member, 300)
    with pytest.raises(LimitExceeded) as refused:
        town.redeem(member, 150)
    assert refused.value.facts["remaining"] == 100
    town.redeem(member, 100)
    assert reason(town, member, None, "pen") == "day_spent"
    (pen,) = list_reward_standings(town.context, town.alice, member)
    assert (pen.allowed, pen.refusal["reason"]) == (False, "day_spent")
    town.clock.forward(DAY)
    town.redeem(member, 400)
    town.check()


def test_each_use_has_a_most_and_a_reward_its_own_price(make: Make) -> None:
    """Of the issue: "spending limits per tx"."""
    town = make(rules(redemption="{max_points: 200, step_points: 50}", rewards="[{id: box, kind: gift, points: 300}]"))
    member = rich(town)
    with pytest.raises(LimitExceeded) as refused:
        town.redeem(member, 250)
    assert refused.value.facts == {
        "reason": "too_many",
        "key": "redemption.max_points",
        "limit": 200,
        "excess_points": 50,
    }
    with pytest.raises(LimitExceeded):
        hold(town.context, town.alice, NewHold(town.reference(), member, points=250, expires_in=HOUR))
    for _ in range(2):
        town.redeem(member, 200)
    town.redeem(member, None, reward_id="box")
    set_standing_order(town.context, Actor.member(member), member, 900)
    assert renew(town.context, town.alice, NewRenewal(town.reference(), 90_000, member)).points == 200
    town.check()


def test_what_came_back_counts_no_more(town: Town) -> None:
    member = rich(town)
    spent = town.redeem(member, 400).value
    town.restore(spent.id, 150)
    assert reason(town, member, 200) == "day_spent"
    town.redeem(member, 150)
    town.check()


def test_a_hold_counts_from_when_it_was_made(town: Town) -> None:
    member = rich(town)
    first, second = (
        hold(town.context, town.alice, NewHold(town.reference(), member, points=points, expires_in=2 * HOUR)).value
        for points in (200, 150)
    )
    assert reason(town, member, 100) == "day_spent"
    release(town.context, town.alice, second.id)
    capture(town.context, town.alice, first.id, NewCapture(points=100))
    assert reason(town, member, 350) == "day_spent"
    assert reason(town, member, 300) is None
    hold(town.context, town.alice, NewHold(town.reference(), member, points=300, expires_in=HOUR))
    assert reason(town, member, 100) == "day_spent"
    town.clock.forward(HOUR)
    assert reason(town, member, 300) is None


def test_a_standing_order_uses_what_the_limits_allow(make: Make) -> None:
    document = rules(redemption="{min_points: 100, step_points: 50, per_member_day_points: 270}")
    town = make(document)
    member = rich(town)
    set_standing_order(town.context, Actor.member(member), member, 180)
    bills = [renew(town.context, town.alice, NewRenewal(town.reference(), 90_000, member)) for _ in range(3)]
    assert [(one.points, one.why_none) for one in bills] == [(150, None), (100, None), (0, "spending_limit")]
    town.check()


def test_two_redemptions_keep_their_distance(make: Make) -> None:
    town = make(rules(redemption="{cool_down: PT1H}"))
    member = rich(town)
    town.redeem(member, 10)
    with pytest.raises(LimitExceeded) as refused:
        town.redeem(member, 10)
    assert refused.value.facts["possible_at"] == (town.clock() + HOUR).isoformat()
    town.clock.forward(HOUR)
    town.redeem(member, 10)
