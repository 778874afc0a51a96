"""Rewards that give to a cause, rewards for companies, and what the rules bound of gifts."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from test_repairing import copied, gap_of, repaired  # noqa: F401 (fixture)
from test_voids import skip

from token_service.errors import InsufficientBalance, InvalidInput, LimitExceeded, RewardUnavailable
from token_service.ledger import views
from token_service.ledger.causes import close_cause, create_cause, list_causes
from token_service.ledger.context import Actor
from token_service.ledger.donations import donate, get_donation, simulate_donation
from token_service.ledger.inputs import NewDonation, NewOrder, NewVoucher, NewVoucherUse
from token_service.ledger.rebuild import rebuild
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.segments import set_segments
from token_service.ledger.stock import set_stock, stock_of
from token_service.ledger.store import Store
from token_service.ledger.vouchers import buy_reward, use_voucher

REWARDS = """
  - {id: meal, kind: donation, points: 40, cause: Refuge, per_member: {times: 2}}
  - {id: flyers, kind: marketing_funds, points: 50, funds: 50000, segments: [pros]}
  - {id: workshop, kind: training, points: 60, seats: 2, segments: [pros]}
  - {id: coffee, kind: gift, points: 10}
"""
PARTS = {"segments": "[{id: pros, companies: true}]", "rewards": REWARDS}
LIMITS = "{causes: [Refuge], min_points: 30, step_points: 10, per_member_day_points: 100, per_member_points: 150}"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(**PARTS))


@pytest.fixture
def bounded(make: Make) -> Town:
    made = make(rules(**PARTS, donations=LIMITS))
    create_cause(made.context, ADMIN, "Refuge")
    return made


def rich(town: Town, points: int = 400) -> str:
    member = town.member()
    town.issue(member, points)
    return member


def give(town: Town, member: str, **more: Any) -> views.Outcome[views.Donation]:
    return donate(town.context, town.alice, NewDonation(town.reference(), member, **more))


def refusal(town: Town, member: str, **more: Any) -> dict[str, object]:
    """What a simulated gift is told: its facts, or none where it is allowed."""
    seen = simulate_donation(town.context, town.alice, NewDonation("", member, **more))
    return dict(seen.facts)


KINDS = """
  - {id: five, kind: discount, points: 25, discount: {amount: 500}}
  - {id: tenth, kind: discount, points: 30, discount: {percent: 10, up_to: 2000}}
  - {id: coffee, kind: gift, points: 10}
  - {id: tasting, kind: experience, points: 60}
  - {id: episode, kind: digital, points: 15}
  - {id: meal, kind: donation, points: 40, cause: Refuge}
"""


@pytest.mark.parametrize(
    ("reward", "kind", "points", "off"),
    [
        ("five", "discount", 25, 500),
        ("tenth", "discount", 30, 261),
        ("coffee", "gift", 10, None),
        ("tasting", "experience", 60, None),
        ("episode", "digital", 15, None),
    ],
)
def test_rewards_are_discounts_gifts_experiences_digital_content_and_donations(
    make: Make, reward: str, kind: str, points: int, off: int | None
) -> None:
    """Of the issue: "Rewards: discount (fixed, percent), gift, experience, digital content, donation": each at the till, for an
    order of 26.10, and as a voucher; donations below.
    """
    town = make(rules(rewards=KINDS))
    member, order = rich(town), NewOrder(2_610)
    standing = {one.id: one for one in list_reward_standings(town.context, town.alice, member)}[reward]
    assert (standing.kind, standing.points, standing.allowed) == (kind, points, True)
    discount = None if off is None else views.Money(off, "EUR")
    spent = town.redeem(member, None, reward_id=reward, order=order)
    assert (spent.value.points, spent.value.reward_id, spent.value.discount) == (points, reward, discount)
    bought = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), reward, points)).value
    new = NewVoucherUse(town.reference(), str(bought.code), order=order)
    assert use_voucher(town.context, town.alice, new).voucher.discount == discount
    assert town.balance(member).available == 400 - 2 * points
    with pytest.raises(RewardUnavailable) as refused:
        give(town, member, reward_id=reward)
    assert refused.value.facts["reason"] == "gives_nothing"
    town.check()


def test_a_donation_is_a_reward_whose_points_go_to_its_cause(town: Town) -> None:
    """Of the issue: "Rewards: discount (fixed, percent), gift, experience, digital content, donation"."""
    cause, member = create_cause(town.context, ADMIN, "Refuge"), rich(town)
    done = give(town, member, reward_id="meal")
    assert (done.value.points, done.value.cause_id, done.value.reward_id) == (40, cause.id, "meal")
    (entry,) = done.entries
    assert (entry.kind, entry.points, entry.facts["reward"]) == ("donation", -40, "meal")
    assert done.promise is not None
    assert done.promise.party == cause.party
    give(town, member, points=60, cause_id=cause.id)
    assert [(one.donated, one.donations) for one in list_causes(town.context)] == [(100, 2)]
    assert get_donation(town.context, town.alice, done.value.id) == done.value
    town.check()
    rebuild(town.context)
    town.check()


def test_a_reward_that_gives_is_no_redemption_and_no_other_reward_gives(town: Town) -> None:
    create_cause(town.context, ADMIN, "Refuge")
    member = rich(town)
    for spend in (
        lambda: town.redeem(member, None, reward_id="meal"),
        lambda: buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "meal", None)),
    ):
        with pytest.raises(RewardUnavailable) as refused:
            spend()
        assert refused.value.facts == {"reason": "gives_to_cause", "cause": "Refuge"}
    assert refusal(town, member, reward_id="coffee")["reason"] == "gives_nothing"
    with pytest.raises(InvalidInput):
        give(town, member)
    with pytest.raises(InvalidInput):
        give(town, member, reward_id="meal", cause_id="cau_x")


def test_it_keeps_to_its_cause_its_price_its_stock_and_how_often_a_member_may(town: Town) -> None:
    member = rich(town)
    assert refusal(town, member, reward_id="meal") == {"reason": "cause_closed", "cause": "Refuge"}
    meal = list_reward_standings(town.context, town.alice, member)[0]
    assert (meal.allowed, meal.refusal["reason"], meal.terms.cause) == (False, "cause_closed", "Refuge")
    cause = create_cause(town.context, ADMIN, "Refuge")
    assert refusal(town, member, reward_id="meal", points=39) == {"points": 40}
    set_stock(town.context, ADMIN, "meal", 3)
    skip(town, give(town, member, reward_id="meal").entries[0].id)
    assert stock_of(town.context) == {"meal": 3}
    member = rich(town)
    for _ in range(2):
        give(town, member, reward_id="meal", points=40)
    assert refusal(town, member, reward_id="meal")["reason"] == "had_already"
    assert stock_of(town.context) == {"meal": 1}
    with pytest.raises(InsufficientBalance):
        give(town, rich(town, 39), reward_id="meal")
    close_cause(town.context, ADMIN, cause.id)
    assert refusal(town, rich(town), reward_id="meal")["reason"] == "cause_closed"
    town.check()


def test_rewards_may_be_marketing_funds_or_training_seats(town: Town) -> None:
    """Number 52 of the brief's list: of companies, and of nobody else."""
    member = rich(town)
    with pytest.raises(RewardUnavailable) as refused:
        town.redeem(member, None, reward_id="workshop")
    assert refused.value.facts == {"reason": "segment_needed", "segments": ["pros"]}
    set_segments(town.context, ADMIN, member, ("pros",))
    town.redeem(member, None, reward_id="workshop")
    bought = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "flyers", 50)).value
    assert bought.code is not None
    terms = {one.id: one.terms for one in list_reward_standings(town.context, town.alice, member)}
    assert (terms["flyers"].funds, terms["workshop"].seats) == (views.Money(50_000, "EUR"), 2)
    town.check()


def test_the_rules_bound_gifts_and_say_what_is_missing(bounded: Town) -> None:
    """Of the issue: the ruleset document says "memberships, donations, caps, budgets"."""
    town, member = bounded, rich(bounded)
    refuge, other = list_causes(town.context)[0], create_cause(town.context, ADMIN, "Opéra")
    assert refusal(town, member, points=50, cause_id=other.id)["reason"] == "other_cause"
    few = {"reason": "too_few", "key": "donations.min_points", "limit": 30, "missing_points": 10}
    assert refusal(town, member, points=20, cause_id=refuge.id) == few
    assert refusal(town, member, points=35, cause_id=refuge.id)["missing_points"] == 5
    give(town, member, points=70, cause_id=refuge.id)
    with pytest.raises(LimitExceeded) as refused:
        give(town, member, reward_id="meal")
    assert (refused.value.facts["reason"], refused.value.facts["remaining"]) == ("day_given", 30)
    meal = list_reward_standings(town.context, town.alice, member)[0]
    assert (meal.allowed, meal.refusal["reason"]) == (False, "day_given")
    town.clock.forward(DAY)
    skip(town, give(town, rich(town), points=100, cause_id=refuge.id).entries[0].id)
    give(town, member, reward_id="meal")
    left = refusal(town, member, points=50, cause_id=refuge.id)
    assert (left["reason"], left["remaining"]) == ("all_given", 40)
    give(town, member, points=40, cause_id=refuge.id)
    town.check()


def test_points_may_have_another_value_for_a_cause(make: Make) -> None:
    town = make(rules(donations="{point_value: {points: 100, amount: 1250}}"))
    cause = create_cause(town.context, ADMIN, "Refuge")
    assert give(town, rich(town), points=50, cause_id=cause.id).value.value == views.Money(625, "EUR")


def test_a_gift_of_a_lost_time_is_there_again_with_its_reward(
    bounded: Town,
    copied: Callable[[Store], Store],  # noqa: F811
) -> None:
    member = rich(bounded)
    copy = copied(bounded.context.store)
    given = give(bounded, member, reward_id="meal").value
    again, _, closed = repaired(bounded, copy, gap_of(bounded, random.Random(1)))
    assert closed == []
    assert get_donation(again.context, ADMIN, given.id).reward_id == "meal"
    again.check()
