"""Simulate = real for what is no purchase: events, welcomes, birthdays, anniversaries, scheduled bonuses, vouchers; on both
databases."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from ledger_town import TIERS, Make, Town, rules
from sqlalchemy import func, select

from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent, NewMember
from token_service.ledger.members import enrol
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.staff_tables import vouchers
from token_service.program.ruleset import parse_ruleset
from token_service.program.told import Bought, Occurred, Person, Told
from token_service.program.what_if import what_if

EARNING = (
    "rounding: floor}, "
    "{id: review, kind: event, event: review.written, points: 20, once_per: subject, "
    "limits: {per_member: {times: 2, every: P20D}}}, "
    "{id: survey, kind: event, event: survey.answered, points: 9, limits: {budget_points: 60}}, "
    "{id: magazine, kind: subscription, points: 30}, "
    "{id: hello, kind: event, event: member.joined, points: 15}, "
    "{id: cake, kind: event, event: member.birthday, points: 40}, "
    "{id: year, kind: event, event: member.anniversary, points: 70}]"
)
PLAIN = rules(
    tiers=TIERS,
    challenges=(
        "[{id: critic, count: {kind: events, event: review.written}, target: 2, repeat: always, award: {reward: five-off}}, "
        "{id: three, count: {kind: orders}, target: 3, repeat: always, award: {reward: coffee}}]"
    ),
    campaigns="[{id: treat, when: order.total > 3000, award: {voucher: five-off}, limits: {per_member: {times: 2}}}]",
    schedules=(
        "[{id: monthly, every: month, points: 50, when: member.tier == 'gold'}, "
        "{id: weekly, every: week, points: 2, until: 2026-05-10}, "
        "{id: spring, every: month, points: 5, until: 2026-04-15}]"
    ),
    rewards=(
        "[{id: five-off, kind: discount, points: 300, discount: {amount: 500}}, {id: coffee, kind: gift, points: 100}]"
    ),
).replace("rounding: floor}]", EARNING)
LIMITED = PLAIN + "limits: {per_member_day_points: 45, program_day_points: 120}\n"
TYPES = ("review.written", "survey.answered", "subscription.paid", "nothing.earned")


def pass_days(town: Town, days: int) -> None:
    """Time passes, and what falls due is done when it does: at the beginning of a local day."""
    until = town.clock.at + timedelta(days=days)
    while (due := next_due_at(town.context)) is not None and due <= until:
        town.clock.at = max(due, town.clock.at)
        run_due(town.context)
    town.clock.at = max(until, town.clock.at)


def lived(town: Town, draw: random.Random) -> tuple[list[Told], dict[str, Person]]:
    """Three members through fifteen months, with due work run whenever it falls due; and all that a history would tell."""
    born = (date(1990, 4, 7), None, date(1988, 2, 29))
    people: dict[str, Person] = {}
    told: list[Told] = []
    for day in born:
        new = NewMember(external_id=town.reference(), birth_date=day)
        people[enrol(town.context, town.alice, new).member.id] = Person(town.clock.at, day)
        town.clock.forward(timedelta(hours=1))
    merchant, members = str(town.alice.merchant_id), list(people)
    told.append(Bought(members[0], town.clock.at, 100, merchant=merchant))
    town.buy(members[0], 100)
    for number in range(45):
        pass_days(town, draw.choice([0, 0, 1, 40]))
        town.clock.forward(timedelta(minutes=draw.choice([1, 30, 90])))
        member, total = draw.choice(members), draw.choice([90, 1_250, 3_500])
        if draw.random() < 0.5:
            event, subject = draw.choice(TYPES), f"thing-{draw.randrange(4)}"
            send_event(town.context, town.alice, NewEvent(f"e{number}", event, town.clock.at, member, None, subject))
            told.append(Occurred(member, town.clock.at, event, subject, merchant))
        else:
            town.buy(member, total)
            told.append(Bought(member, town.clock.at, total, merchant=merchant))
    return told, people


@pytest.mark.parametrize("document", [PLAIN, LIMITED], ids=["plain", "limited"])
def test_a_history_with_events_comes_to_what_was_recorded(make: Make, document: str) -> None:
    """The issue: "replays history under a draft and compares points, cost and margin with the ruleset in force"."""
    town = make(document)
    told, people = lived(town, random.Random(5))
    since = told[0].occurred_at
    found = what_if(parse_ruleset(document), told, people)
    welcomed = {name: 15 for name, one in people.items() if one.joined_at is not None and one.joined_at < since}
    really = {name: town.balance(name).available - welcomed.get(name, 0) for name in people}
    assert {name: found.by_member.get(name, 0) for name in people} == really
    with town.context.store.read() as connection:
        won = connection.execute(select(vouchers.c.reward_id, func.count()).group_by(vouchers.c.reward_id)).all()
    assert dict(found.by_reward) == {str(reward): count for reward, count in won}
    assert found.voucher_cost == 500 * found.by_reward["five-off"] > 0
    assert found.uncosted == {"coffee": found.by_reward["coffee"]}
    assert found.cost == found.points * 1_000 // 100 + found.voucher_cost
    assert found.points == sum(found.by_rule.values()) == sum(found.by_month.values())
    again = replay_purchases(town.context, parse_ruleset(document), 366)
    assert (again.given, again.given_events, again.given_rewards) == (
        again.other,
        again.other_events,
        again.other_rewards,
    )
    assert again.given_events > 0 < again.given_challenges.vouchers
    assert {rule for rule, points in found.by_rule.items() if points > 0} >= {"review", "cake", "year", "weekly"}
