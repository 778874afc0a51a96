"""Segments: what conditions ask of them, what a ruleset must declare, and how facts say them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from token_service.errors import InvalidInput
from token_service.program.earning import decide_purchase
from token_service.program.facts import PurchaseFacts
from token_service.program.ruleset import Ruleset, canonical_json, check_ruleset, parse_ruleset
from token_service.program.segments import declared

from .baskets import purchase, ruleset_of

SEGMENTS = [{"id": "regulars"}, {"id": "press", "name": {"en": "Press", "fr": "Presse"}}]


def offering(when: str, segments: list[dict[str, object]] = SEGMENTS) -> Ruleset:
    return ruleset_of(segments=segments, campaigns=[{"id": "offer", "when": when, "award": {"points": 50}}])


def bought_by(*segments: str) -> PurchaseFacts:
    facts = purchase(1_000)
    return replace(facts, member=replace(facts.member, segments=segments))


def test_an_offer_is_for_those_of_its_segment() -> None:
    ruleset = offering('"regulars" in member.segments')
    assert check_ruleset(ruleset) == []
    assert [
        decide_purchase(ruleset, bought_by(*given)).points for given in ((), ("press",), ("press", "regulars"))
    ] == [
        10,
        10,
        60,
    ]


@pytest.mark.parametrize(
    ("when", "segments", "says"),
    [
        ('"regulars" in member.segments', [], "reads member.segments, and the rules declare no segments"),
        ("size(member.segments) > 0", [], "reads member.segments, and the rules declare no segments"),
        ("'regular' in member.segments", SEGMENTS, "asks for the segment regular, which the rules do not declare"),
        ('order.total > 5 && ("vip" in member . segments)', SEGMENTS, "asks for the segment vip, which"),
    ],
)
def test_a_condition_about_a_segment_that_is_not_declared_is_named(
    when: str, segments: list[dict[str, object]], says: str
) -> None:
    (place,) = check_ruleset(offering(when, segments))
    assert place.pointer == "/campaigns/0/when"
    assert says in place.detail


def test_a_segment_is_declared_once() -> None:
    (place,) = check_ruleset(ruleset_of(segments=[{"id": "a"}, {"id": "a"}]))
    assert place.pointer.startswith("/segments/1")


def test_challenges_ask_for_segments_as_well() -> None:
    count = {"kind": "orders", "when": '"nobody" in member.segments'}
    (place,) = check_ruleset(
        ruleset_of(challenges=[{"id": "c", "count": count, "target": 2, "award": {"badge": True}}])
    )
    assert place.pointer == "/challenges/0/count/when"


def test_facts_say_what_the_rules_know_in_order_and_nothing_where_there_is_nothing() -> None:
    ruleset = offering("true")
    assert declared(ruleset, ["regulars", "gone", "press", "regulars"]) == ("press", "regulars")
    assert declared(ruleset_of(), ["regulars"]) == ()
    assert "segments" not in purchase(100).to_json()["member"]
    facts = bought_by("press", "regulars")
    assert facts.to_json()["member"]["segments"] == ["press", "regulars"]
    assert PurchaseFacts.from_json(facts.to_json()) == facts
    for wrong in ([], ["regulars", "press"], ["press", "press"], [7]):
        member = facts.to_json()["member"] | {"segments": wrong}
        with pytest.raises(InvalidInput):
            PurchaseFacts.from_json(facts.to_json() | {"member": member})


def test_rules_without_segments_are_written_as_they_always_were() -> None:
    assert "segments" not in canonical_json(ruleset_of())
    assert parse_ruleset(canonical_json(offering("true"))) == offering("true")
