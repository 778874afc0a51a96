"""Simulate = real: a history of purchases comes to the same points in `what_if` as in the ledger, purchase by purchase."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from ledger_town import TIERS, Make, rules

from token_service.ledger.inputs import NewItem
from token_service.program.facts import ItemFacts
from token_service.program.ruleset import parse_ruleset
from token_service.program.told import Bought
from token_service.program.what_if import History

RULES = rules(
    tiers=TIERS,
    campaigns=(
        "[{id: third, when: visit.number % 3 == 0, award: {points: 5}, limits: {per_member: {times: 2, every: P20D}}}, "
        "{id: scarce, when: order.total > 3000, award: {multiplier_percent: 150}, limits: {budget_points: 300}}, "
        "{id: brew, award: {multiplier_percent: 200, items: {categories: [coffee]}}}, "
        "{id: beans, award: {points: 1, per: 700, items: {categories: [coffee]}}, limits: {per_member: {times: 9}}}, "
        "{id: treat, when: order.total > 3000, award: {voucher: coffee}, limits: {per_member: {times: 2}}}]"
    ),
    challenges=(
        "[{id: card, count: {kind: items, categories: [coffee]}, target: 4, repeat: always, award: {points: 11}}, "
        "{id: row, count: {kind: streak, every: week}, target: 3, repeat: always, award: {points: 17}}]"
    ),
    limits="{per_order_points: 150}",
    rewards="[{id: coffee, kind: gift, points: 5}]",
).replace("rounding: floor}]", "rounding: floor}, {id: fourth, kind: visit, points: 6, every: 4}]")


LIMITED = rules(
    tiers=(
        "{qualify_by: points, window: {kind: rolling, period: P1M}, "
        "levels: [{id: bronze, from: 0}, {id: gold, from: 150, multiplier_percent: 200}]}"
    ),
    campaigns="[{id: hello, when: member.purchases < 4, award: {points: 3}}]",
    challenges="[{id: visits, count: {kind: visits}, target: 2, repeat: always, award: {points: 40}}]",
    limits="{per_member_day_points: 60, program_day_points: 90}",
)
"""Challenges count for levels, and within limits of the day."""


@pytest.mark.parametrize("document", [RULES, LIMITED], ids=["plain", "limited"])
@pytest.mark.parametrize("seed", range(4))
def test_a_history_earns_what_it_would_have_earned(make: Make, seed: int, document: str) -> None:
    town, draw = make(document), random.Random(seed)
    history = History(parse_ruleset(document))
    members = [town.member() for _ in range(3)]
    first = {member: town.buy(member, 100).value.points for member in members}
    for member in members:
        assert history.tell(Bought(member, town.clock.at, 100, merchant=str(town.alice.merchant_id))) == first[member]
    for _ in range(60):
        town.clock.forward(timedelta(hours=draw.choice([1, 5, 30, 100])))
        member, total, pieces = draw.choice(members), draw.choice([90, 1_250, 3_500, 9_900]), draw.randrange(4)
        items = (NewItem(line=1, amount=total, category="coffee", quantity=pieces),) if pieces else ()
        real = town.buy(member, total, items=items).value
        told = Bought(
            member,
            town.clock.at,
            total,
            items=tuple(ItemFacts(1, None, "coffee", one.quantity, total) for one in items),
            merchant=str(town.alice.merchant_id),
        )
        assert history.tell(told) == real.points + sum(one.points for one in real.completed)
    outcome = history.finish(town.clock.at)
    assert outcome.points == sum(town.balance(member).available for member in members)
    assert outcome.points == sum(outcome.by_rule.values()) == sum(outcome.by_month.values())
    assert (outcome.purchases, outcome.members) == (63, 3)
