"""Recorded purchases decided again under other rules: the same rules give what was given, others what they would; on both
databases."""

from __future__ import annotations

from datetime import date

import pytest
from ledger_town import DAY, TIERS, Make, Town, rules

from token_service.ledger import ruleset_replay
from token_service.ledger.context import Context
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent, NewMember
from token_service.ledger.members import enrol
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.program.ruleset import parse_ruleset

LIMITS = "{per_order_points: 120, per_member_day_points: 150}"
CAMPAIGN = "[{id: second, when: member.purchases == 1, award: {points: 7}}]"


def busy_town(make: Make, document: str) -> Town:
    """Three members who buy for two months, go up a level, hit limits, bring things back."""
    town = make(document)
    members = [town.member() for _ in range(3)]
    for round_ in range(8):
        for index, member in enumerate(members[: 1 + round_ % 3]):
            bought = town.buy(member, 1_990 + 1_700 * ((round_ + index) % 4)).value
            if round_ % 3 == 2:
                town.refund(bought.id, 700)
        town.clock.forward(7 * DAY)
    return town


def given(context: Context, document: str, days: int = 366) -> tuple[int, int]:
    found = replay_purchases(context, parse_ruleset(document), days)
    return found.given, found.other


def test_the_rules_that_decided_give_what_was_given(make: Make) -> None:
    document = rules(tiers=TIERS, limits=LIMITS, campaigns=CAMPAIGN)
    town = busy_town(make, document)
    really, again = given(town.context, document)
    assert really == again > 0
    found = replay_purchases(town.context, parse_ruleset(document), 366)
    assert (found.gaining, found.losing, found.is_cut) == (0, 0, False)
    assert (found.purchases, found.members) == (15, 3)


def test_twice_the_points_are_twice_the_points(make: Make) -> None:
    town = busy_town(make, rules())
    really, other = given(town.context, rules().replace("points: 1, per: 100", "points: 2, per: 100"))
    assert other == 2 * really or other - 2 * really in range(1, 20)  # rounded once, after doubling
    found = replay_purchases(town.context, parse_ruleset(rules(campaigns=CAMPAIGN)), 366)
    assert (found.other - found.given, found.gaining, found.losing) == (3 * 7, 3, 0)


def test_levels_and_daily_limits_are_those_of_the_other_rules(make: Make) -> None:
    town = make(rules())
    member = town.member()
    town.buy(member, 5_000)
    town.buy(member, 3_000)
    assert given(town.context, rules(tiers=TIERS)) == (80, 50 + 60)  # gold from the second purchase on
    assert given(town.context, rules(limits="{per_member_day_points: 60}")) == (80, 60)


def test_what_came_before_the_window_counts_towards_levels_but_is_not_decided(make: Make) -> None:
    town = make(rules())
    member = town.member()
    town.buy(member, 9_000)
    town.clock.forward(40 * DAY)
    town.buy(member, 1_000)
    assert given(town.context, rules(tiers=TIERS), days=30) == (10, 20)


def test_only_the_newest_are_taken_when_there_are_too_many(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    town = busy_town(make, rules())
    assert not replay_purchases(town.context, parse_ruleset(rules()), 366).is_cut
    monkeypatch.setattr(ruleset_replay, "DECISIONS_MAX", 8)  # one rule: two decisions a purchase
    found = replay_purchases(town.context, parse_ruleset(rules()), 366)
    assert (found.purchases, found.is_cut) == (4, True)


def test_members_with_the_longest_histories_are_left_out_when_they_would_take_too_long(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three members with 8, 5 and 2 purchases: 64, 25 and 4 looks at a history."""
    town = busy_town(make, rules())
    for most, bought in ((93, 15), (92, 7), (28, 2), (3, 0)):
        monkeypatch.setattr(ruleset_replay, "LOOKS_MAX", most)
        found = replay_purchases(town.context, parse_ruleset(rules(tiers=TIERS)), 366)
        assert (found.purchases, found.is_cut) == (bought, most < 93)


def test_nothing_is_written_and_an_empty_time_is_empty(make: Make) -> None:
    town = busy_town(make, rules())
    before = town.statement(town.member())
    town.clock.forward(30 * DAY)
    found = replay_purchases(town.context, parse_ruleset(rules()), 7)
    assert (found.purchases, found.members, found.days, found.given, found.other) == (0, 0, (), 0, 0)
    assert before == ()
    town.check()


def test_events_count_for_levels_and_days_and_are_decided_again(make: Make) -> None:
    levels = "[{id: basic, from: 0}, {id: friend, from: 1, multiplier_percent: 200}]"
    tiers = f"tiers: {{qualify_by: engagement, window: {{kind: lifetime}}, levels: {levels}}}\n"
    earning = "rounding: floor}, {id: review, kind: event, event: review.written, points: 20}]"
    document = rules().replace("rounding: floor}]", earning) + tiers
    town = make(document)
    member = town.member()
    town.buy(member, 5_000)
    send_event(town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock.at, member))
    town.buy(member, 3_000)
    assert given(town.context, document) == (50 + 20 + 60, 50 + 20 + 60)
    assert given(town.context, document + "limits: {per_member_day_points: 100}\n") == (130, 50 + 20 + 30)


def with_rules(*more: str) -> str:
    """The plain ruleset with more earning rules."""
    return rules().replace("rounding: floor}]", ", ".join(("rounding: floor}", *more)) + "]")


def test_events_earn_what_the_other_rules_give_for_them(make: Make) -> None:
    town = make(with_rules("{id: review, kind: event, event: review.written, points: 20, once_per: subject}"))
    member = town.member()
    for subject in ("bread", "bread", "cheese"):
        new = NewEvent(town.reference(), "review.written", town.clock.at, member, subject=subject)
        send_event(town.context, town.alice, new)
    town.clock.forward(40 * DAY)
    send_event(
        town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock.at, member, subject="bread")
    )
    other = with_rules("{id: review, kind: event, event: review.written, points: 30, limits: {per_member: {times: 3}}}")
    found = replay_purchases(town.context, parse_ruleset(other), 366)
    assert (found.given, found.other, found.given_events, found.other_events) == (40, 90, 40, 90)
    assert given(town.context, rules()) == (40, 0)
    really = with_rules("{id: review, kind: event, event: review.written, points: 20, once_per: subject}")
    assert given(town.context, really, days=30) == (0, 0), "it was given for bread before that time"


def test_a_new_birthday_and_a_new_schedule_come_on_their_days(make: Make) -> None:
    """From Monday 2 March, on which they joined, to 20 April: six Mondays after it, and a birthday on the 1st of April."""
    town = make(rules())
    new = NewMember(external_id="ada", birth_date=date(1990, 4, 1))
    member = enrol(town.context, town.alice, new).member.id
    town.clock.forward(DAY)
    town.buy(member, 1_000)
    town.clock.at += 48 * DAY
    other = with_rules("{id: cake, kind: event, event: member.birthday, points: 40}") + (
        "schedules: [{id: weekly, every: week, points: 2, when: member.purchases > 0}]\n"
    )
    found = replay_purchases(town.context, parse_ruleset(other), 366)
    assert (found.given, found.other, found.other_events) == (10, 10 + 40 + 7 * 2, 54)


def test_vouchers_are_told_by_their_reward(make: Make) -> None:
    rewards = (
        "[{id: five-off, kind: discount, points: 9, discount: {amount: 500}}, {id: coffee, kind: gift, points: 9}]"
    )
    treat = "[{id: treat, when: order.total > %d, award: {voucher: %s}}]"
    town = make(rules(rewards=rewards, campaigns=treat % (3_000, "coffee")))
    member = town.member()
    for total in (2_000, 4_000):
        town.buy(member, total)
    other = parse_ruleset(rules(rewards=rewards, campaigns=treat % (1_000, "five-off")))
    found = replay_purchases(town.context, other, 366)
    assert (found.given_rewards, found.other_rewards) == ({"coffee": 1}, {"five-off": 2})
