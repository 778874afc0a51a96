"""Recorded purchases decided again under other rules: the same rules give what was given, others what they would; on both
databases."""

from __future__ import annotations

import pytest
from ledger_town import DAY, TIERS, Make, Town, rules

from token_service.ledger import ruleset_replay
from token_service.ledger.context import Context
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent
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


def test_events_count_for_levels_and_days_as_they_did(make: Make) -> None:
    levels = "[{id: basic, from: 0}, {id: friend, from: 1, multiplier_percent: 200}]"
    tiers = f"tiers: {{qualify_by: engagement, window: {{kind: lifetime}}, levels: {levels}}}\n"
    earning = "rounding: floor}, {id: review, kind: event, event: review.written, points: 20}]"
    document = rules().replace("rounding: floor}]", earning) + tiers
    town = make(document)
    member = town.member()
    town.buy(member, 5_000)
    send_event(town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock.at, member))
    town.buy(member, 3_000)
    assert given(town.context, document) == (50 + 60, 50 + 60)
    assert given(town.context, document + "limits: {per_member_day_points: 100}\n") == (110, 50 + 30)
