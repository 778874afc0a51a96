"""What events earn: within every limit, the same for ever, and rules for them that contradict themselves are named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.program.event_facts import EventFacts
from token_service.program.events import (
    RuleUse,
    decide_event,
    decide_event_within_limits,
    points_used,
    rule_points,
    rules_for,
)
from token_service.program.facts import MemberFacts, local_time
from token_service.program.ruleset import Ruleset, check_ruleset, parse_ruleset

AT = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
HEAD = """
ruleset: 1
program: {name: M, currency: EUR, time_zone: Europe/Paris}
earning:
  - {id: base, kind: spend, points: 1, per: 100}
"""


def ruleset(*rules: str, more: str = "") -> Ruleset:
    return parse_ruleset(HEAD + "".join(f"  - {{{rule}}}\n" for rule in rules) + more)


def facts(event: str = "review.written", *, day_points: int = 0, **more: Any) -> EventFacts:
    given = {"subject": None, "merchant": "mrc_1", "member": MemberFacts(None, 0, 0, day_points)}
    return EventFacts(**(given | {"occurred_at": AT, "local": local_time(AT, "Europe/Paris"), "event": event} | more))


@given(
    points=st.integers(1, 10**6),
    times=st.integers(1, 5),
    budget=st.integers(1, 10**6),
    left=st.integers(0, 10**6),
    held=st.integers(0, 8),
    per_day=st.integers(1, 10**6),
    today=st.integers(0, 10**6),
)
def test_no_limit_is_ever_passed(
    points: int, times: int, budget: int, left: int, held: int, per_day: int, today: int
) -> None:
    limits = f"{{per_member: {{times: {times}}}, budget_points: {budget}}}"
    rules = ruleset(
        f"id: review, kind: event, event: review.written, points: {points}, limits: {limits}",
        more=f"limits: {{per_member_day_points: {per_day}}}\n",
    )
    room = min(left, budget)
    found, award = decide_event_within_limits(
        rules,
        facts(day_points=today),
        lambda _: {"review": [RuleUse(AT, None)] * held},
        lambda _: room,
        lambda _: "new",
    )
    assert 0 <= award.points <= max(0, per_day - today)
    assert 0 <= rule_points(award, "review") <= (room if held < times else 0)
    assert award == decide_event(rules, found), "the facts alone decide it again"
    assert EventFacts.from_json(found.to_json()) == found
    assert sum(points_used(rules, found, award).values()) >= award.points


def test_purchases_do_not_earn_by_rules_for_events_and_the_other_way_round() -> None:
    rules = ruleset("id: review, kind: event, event: review.written, points: 5")
    assert [rule.id for rule in rules_for(rules, "review.written")] == ["review"]
    assert rules_for(rules, "survey.answered") == ()
    assert decide_event(rules, facts("survey.answered")).points == 0


@pytest.mark.parametrize(
    ("rule", "more", "pointer", "said"),
    [
        ("id: a, kind: event, event: member.left, points: 5", "", "/earning/1/event", "must be one of member.joined,"),
        (
            "id: a, kind: event, event: x, points: 5, limits: {}",
            "",
            "/earning/1/limits",
            "must have per_member, budget_points",
        ),
        (
            "id: a, kind: event, event: member.joined, points: 5, once_per: subject",
            "",
            "/earning/1/once_per",
            "names no subject",
        ),
        ("id: base, kind: subscription, points: 5", "", "/earning/1/id", "nothing else in the ruleset has"),
    ],
)
def test_a_rule_that_contradicts_itself_is_named_by_its_place(rule: str, more: str, pointer: str, said: str) -> None:
    (place,) = check_ruleset(ruleset(rule, more=more))
    assert place.pointer == pointer
    assert said in place.detail


def test_levels_by_engagement_need_a_rule_for_events() -> None:
    tiers = "tiers: {qualify_by: engagement, window: {kind: lifetime}, levels: [{id: a, from: 0}]}\n"
    (place,) = check_ruleset(ruleset(more=tiers))
    assert place.pointer == "/tiers/qualify_by"
    assert check_ruleset(ruleset("id: a, kind: subscription, points: 1", more=tiers)) == []


@pytest.mark.parametrize("wrong", ["Review", "review..written", ".review", "review written", "x" * 41, ""])
def test_a_type_has_one_way_of_being_written(wrong: str) -> None:
    with pytest.raises(InvalidInput):
        ruleset(f"id: a, kind: event, event: '{wrong}', points: 5")


@pytest.mark.parametrize(
    "change",
    [{"subject": ""}, {"limits": []}, {"seen": ["a", "a"]}, {"person": "old"}, {"rating": 5}, {"event": None}],
)
def test_facts_are_read_strictly(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        EventFacts.from_json(facts().to_json() | change)
