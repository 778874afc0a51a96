"""Challenges in the replay of recorded purchases: the rules in force give what was really given, others what they would; on both
databases."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from ledger_town import DAY, TIERS, Make, Town, rules

from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.inputs import NewEvent, NewItem, NewReversal
from token_service.ledger.replayed_totals import Challenged, Replay
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.program.ruleset import parse_ruleset

REWARDS = "[{id: free-coffee, kind: gift, points: 500}]"
CHALLENGES = """
  - {id: coffee, count: {kind: items, categories: [coffee]}, target: 5, repeat: always, award: {reward: free-coffee}}
  - {id: three, count: {kind: orders, when: order.total >= 2000}, target: 3, award: {points: 200, badge: true}}
  - {id: monthly, count: {kind: spend}, target: 10000, period: month, repeat: always, award: {points: 50}}
  - {id: days, count: {kind: visits}, target: 4, repeat: always, award: {points: 7}}
  - {id: critic, count: {kind: events, event: review.written}, target: 2, repeat: always, award: {points: 9}}
"""
STREAK = "\n  - {id: loyal, count: {kind: streak, every: week}, target: 2, repeat: always, award: {points: 13}}\n"
POINT_TIERS = (
    "{qualify_by: points, window: {kind: rolling, period: P1M}, "
    "levels: [{id: bronze, from: 0}, {id: gold, from: 150, multiplier_percent: 200}]}"
)
EARNING = "rounding: floor}, {id: review, kind: event, event: review.written, points: 20}]"


def of(challenges: str, **more: str) -> str:
    """A ruleset with these challenges, where reviews earn."""
    return rules(rewards=REWARDS, challenges=challenges, **more).replace("rounding: floor}]", EARNING)


PLAIN = of(CHALLENGES + STREAK, tiers=TIERS)
POINTS = of(CHALLENGES, tiers=POINT_TIERS)
LIMITED = of(CHALLENGES + STREAK, limits="{per_member_day_points: 120, program_day_points: 100000}")
"""What challenges give counts for levels, and comes within limits of the day."""


def lived(make: Make, document: str, seed: int, *, with_refunds: bool) -> tuple[Town, list[str]]:
    """A town in which three members bought, wrote reviews and brought things back; and they."""
    town, draw = make(document), random.Random(seed)
    members = [town.member() for _ in range(3)]
    for _ in range(40):
        town.clock.forward(timedelta(hours=draw.choice([1, 5, 30, 100])))
        member = draw.choice(members)
        if draw.random() < 0.2:
            new = NewEvent(town.reference(), "review.written", town.clock(), member)
            review = send_event(town.context, town.alice, new).value.id
            if with_refunds and draw.random() < 0.3:
                reverse_event(town.context, town.alice, review, NewReversal(town.reference()))
            continue
        total, pieces = draw.choice([900, 2_500, 6_000]), draw.randrange(4)
        items = (NewItem(line=1, amount=total, category="coffee", quantity=pieces),) if pieces else ()
        bought = town.buy(member, total, items=items).value
        if with_refunds and draw.random() < 0.2:
            town.refund(
                bought.id, None if items else draw.choice([300, total]), **({"items": [(1, 1)]} if items else {})
            )
    return town, members


def replayed(town: Town, document: str, days: int = 366) -> Replay:
    return replay_purchases(town.context, parse_ruleset(document), days)


@pytest.mark.parametrize("document", [PLAIN, POINTS, LIMITED], ids=["plain", "points", "limited"])
@pytest.mark.parametrize("seed", range(3))
def test_the_rules_in_force_give_what_was_really_given(make: Make, seed: int, document: str) -> None:
    town, members = lived(make, document, seed, with_refunds=False)
    found = replayed(town, document)
    assert found.given == found.other > 0
    assert found.given_challenges == found.other_challenges
    assert found.given_challenges.points > 0 < found.given_challenges.vouchers
    assert [(day.date, day.given - day.other) for day in found.days if day.given != day.other] == []
    assert (found.gaining, found.losing) == (0, 0)
    assert found.given_events == found.other_events > 0
    assert found.given == sum(town.balance(member).available for member in members)


@pytest.mark.parametrize("seed", range(4))
def test_refunds_take_back_on_both_sides(make: Make, seed: int) -> None:
    document = of(CHALLENGES)
    town, _ = lived(make, document, seed, with_refunds=True)
    found = replayed(town, document)
    assert (found.given, found.given_challenges) == (found.other, found.other_challenges)
    assert found.given_challenges.points > 0


@pytest.mark.parametrize("days", [3, 14, 40])
def test_what_was_completed_before_the_window_is_not_given_again(make: Make, days: int) -> None:
    town, _ = lived(make, PLAIN, 7, with_refunds=False)
    found = replayed(town, PLAIN, days)
    assert (found.given, found.given_challenges) == (found.other, found.other_challenges)


def test_a_new_challenge_is_in_the_difference(make: Make) -> None:
    town = make(rules())
    member = town.member()
    for _ in range(5):
        town.buy(member, 1_000)
        town.clock.forward(DAY)
    pair = "[{id: pair, count: {kind: orders}, target: 2, repeat: always, award: {points: 30}}]"
    found = replayed(town, rules(challenges=pair))
    assert (found.given, found.other, found.gaining) == (50, 50 + 60, 1)
    assert (found.given_challenges, found.other_challenges) == (Challenged(), Challenged(2, 60, 0))
    assert [(day.given, day.other) for day in found.days] == [(10, 10), (10, 40), (10, 10), (10, 40), (10, 10)]


def test_a_challenge_that_is_gone_is_in_the_difference(make: Make) -> None:
    pair = "[{id: pair, count: {kind: orders}, target: 2, award: {points: 30}}]"
    town = make(rules(challenges=pair))
    member = town.member()
    for _ in range(3):
        town.buy(member, 1_000)
    found = replayed(town, rules())
    assert (found.given, found.other, found.losing) == (60, 30, 1)
    assert (found.given_challenges, found.other_challenges) == (Challenged(1, 30, 0), Challenged())


def test_vouchers_are_counted_and_cost_no_points(make: Make) -> None:
    card = "[{id: card, count: {kind: orders}, target: %d, repeat: always, award: {reward: free-coffee}}]"
    town = make(rules(rewards=REWARDS, challenges=card % 3))
    member = town.member()
    bought = [town.buy(member, 1_000).value for _ in range(6)]
    town.refund(bought[-1].id, 1_000)
    found = replayed(town, rules(rewards=REWARDS, challenges=card % 2))
    assert (found.given, found.other) == (50, 50)
    assert (found.given_challenges, found.other_challenges) == (Challenged(1, 0, 1), Challenged(2, 0, 2))


def test_what_counted_before_the_window_goes_on(make: Make) -> None:
    pair = "[{id: pair, count: {kind: orders}, target: %d, repeat: always, award: {points: 30}}]"
    town = make(rules(challenges=pair % 4))
    member = town.member()
    for _ in range(3):
        town.buy(member, 1_000)
    town.clock.forward(40 * DAY)
    town.buy(member, 1_000)
    assert replayed(town, rules(challenges=pair % 4), 30).other == 40
    assert replayed(town, rules(challenges=pair % 2), 30).other_challenges.times == 2, (
        "both that are due come with the next"
    )


def test_somebody_who_only_wrote_reviews_is_decided_too(make: Make) -> None:
    town = make(of(CHALLENGES))
    member, other = town.member(), town.member()
    town.buy(other, 1_000)
    for _ in range(2):
        send_event(town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock(), member))
    found = replayed(town, of(CHALLENGES.replace("award: {points: 9}", "award: {points: 90}")))
    assert (found.given, found.other, found.purchases, found.members, found.gaining) == (59, 140, 1, 2, 1)
    town.check()
