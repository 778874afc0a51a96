"""Limits of campaigns: how often a member has one, what it gives in all, and what a refund leaves of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.program.action_schema import PerMember
from token_service.program.budgets import budget_points
from token_service.program.campaign_limits import times_used
from token_service.program.campaign_uses import points_used, with_limits
from token_service.program.caps import Budget
from token_service.program.earning import Award, decide_purchase
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.ruleset import Ruleset, canonical_json, check_ruleset, parse_ruleset, ruleset_hash

from .baskets import NOON, purchase, ruleset_of

DAY = timedelta(days=1)


def limited(**limits: Any) -> Ruleset:
    """A bonus of 50 above 20.00 EUR, within these limits, and one of 5 for all."""
    campaigns = [
        {"id": "big", "when": "order.total >= 2000", "award": {"points": 50}, "limits": limits},
        {"id": "all", "award": {"points": 5}},
    ]
    return ruleset_of(campaigns=campaigns)


def facts_with(
    ruleset: Ruleset, total: int, *, uses: tuple[datetime, ...] = (), left: int = 0, **more: Any
) -> PurchaseFacts:
    return with_limits(ruleset, purchase(total, **more), {"big": uses}, lambda _: left)


def lines(award: Award) -> dict[str, int]:
    return {line.rule: line.points for line in award.breakdown}


def test_a_member_who_had_it_as_often_as_allowed_gets_a_line_that_says_so() -> None:
    ruleset = limited(per_member={"times": 2, "every": "P7D"})
    first = decide_purchase(ruleset, facts_with(ruleset, 2000, uses=(NOON - DAY,)))
    assert lines(first) == {"base": 20, "big": 50, "all": 5}
    third = decide_purchase(ruleset, facts_with(ruleset, 2000, uses=(NOON - DAY, NOON - 2 * DAY)))
    assert lines(third) == {"base": 20, "all": 5, "limit:campaign:big": 0}
    assert third.breakdown[-1].why == "at most 2 times a member in P7D"


@pytest.mark.parametrize(
    ("use", "count"),
    [(-7 * DAY, 0), (-7 * DAY + timedelta(seconds=1), 1), (timedelta(), 1), (6 * DAY, 1), (7 * DAY, 0)],
)
def test_uses_count_within_the_stretch_on_both_sides(use: timedelta, count: int) -> None:
    assert times_used(PerMember(times=1, every="P7D"), [NOON + use], NOON, "Europe/Paris") == count
    assert times_used(PerMember(times=1), [NOON + use], NOON, "Europe/Paris") == 1


@given(st.lists(st.integers(-60, 60), max_size=12), st.integers(1, 3))
def test_no_stretch_ever_holds_more_uses_than_allowed_in_whatever_order_they_are_recorded(
    days: list[int], times: int
) -> None:
    limit, used = PerMember(times=times, every="P7D"), list[datetime]()
    for day in days:
        at = NOON + day * DAY
        if times_used(limit, used, at, "UTC") < times:
            used.append(at)
    for start in used:
        assert sum(1 for use in used if start <= use < start + 7 * DAY) <= times


def test_the_last_one_gets_what_the_budget_has_left() -> None:
    ruleset = limited(budget_points=1_000)
    award = decide_purchase(ruleset, facts_with(ruleset, 2000, left=30))
    assert lines(award) == {"base": 20, "big": 50, "all": 5, "limit:campaign:big": -20}
    assert award.breakdown[-1].why == "at most 1000 points for this campaign, 30 of them left"
    assert points_used(facts_with(ruleset, 2000, left=30), award) == {"big": 30}
    assert lines(decide_purchase(ruleset, facts_with(ruleset, 2000, left=0)))["limit:campaign:big"] == -50


def test_a_multiplier_counts_what_it_adds() -> None:
    ruleset = ruleset_of(
        campaigns=[{"id": "double", "award": {"multiplier_percent": 200}, "limits": {"budget_points": 15}}]
    )
    facts = with_limits(ruleset, purchase(2000), {}, lambda _: 15)
    award = decide_purchase(ruleset, facts)
    assert lines(award) == {"base": 20, "double": 20, "limit:campaign:double": -5}
    assert points_used(facts, award) == {"double": 15}


def test_a_campaign_that_does_not_hold_is_no_fact() -> None:
    ruleset = limited(per_member={"times": 1})
    assert facts_with(ruleset, 1999).campaigns == ()
    assert [one.id for one in facts_with(ruleset, 2000).campaigns] == ["big"]


def test_a_refund_gives_back_what_the_purchase_no_longer_holds() -> None:
    ruleset = limited(per_member={"times": 1}, budget_points=1_000)
    facts = facts_with(ruleset, 3000, left=1_000)
    assert points_used(facts, keep_after_refund(ruleset, facts, (Refund(500),))) == {"big": 50}
    assert points_used(facts, keep_after_refund(ruleset, facts, (Refund(1_001),))) == {}
    assert points_used(facts, keep_after_refund(ruleset, facts, (Refund(3_000),))) == {}


def test_facts_without_limited_campaigns_are_written_as_they_always_were() -> None:
    assert "campaigns" not in purchase(2000).to_json()
    ruleset = limited(per_member={"times": 3}, budget_points=9)
    facts = facts_with(ruleset, 2000, uses=(NOON,), left=7)
    assert facts.to_json()["campaigns"] == [{"id": "big", "times": 1, "budget_points": 7}]
    assert PurchaseFacts.from_json(facts.to_json()) == facts
    for wrong in ([], [{"id": "big"}], [{"id": "big", "times": -1, "budget_points": None}]):
        with pytest.raises(InvalidInput):
            PurchaseFacts.from_json({**facts.to_json(), "campaigns": wrong})


def test_limits_are_part_of_the_hash_and_empty_ones_are_refused() -> None:
    plain, once = limited(budget_points=5), limited(budget_points=6)
    assert ruleset_hash(canonical_json(plain)) != ruleset_hash(canonical_json(once))
    assert parse_ruleset(canonical_json(plain)) == plain
    (place,) = check_ruleset(limited())
    assert (place.pointer, place.detail) == (
        "/campaigns/0/limits",
        "must have per_member, budget_points, budget_amount or budget_vouchers",
    )


def worth(points: int, amount: int, **limits: Any) -> Ruleset:
    """The rules above, where `points` are worth `amount` cents."""
    document = limited(**limits).model_dump(by_alias=True, exclude_unset=True)
    document["program"] |= {"point_value": {"points": points, "amount": amount}}
    return Ruleset.model_validate_json(json.dumps(document, default=str))


@pytest.mark.parametrize(
    ("limits", "most", "words"),
    [
        ({"budget_amount": 10_000}, 1_000, "100.00 EUR, 1000 points"),
        ({"budget_amount": 10_009}, 1_000, "100.09 EUR, 1000 points"),
        ({"budget_amount": 10_000, "budget_points": 900}, 900, "900 points"),
        ({"budget_amount": 10_000, "budget_points": 1_100}, 1_000, "100.00 EUR, 1000 points"),
    ],
)
def test_a_budget_in_money_is_points_at_their_declared_value(limits: dict[str, int], most: int, words: str) -> None:
    ruleset = worth(100, 1_000, **limits)
    assert budget_points(ruleset, ruleset.campaigns[0].limits) == most
    asked: list[Budget] = []
    facts = with_limits(ruleset, purchase(2000), {}, lambda budget: asked.append(budget) or 30)
    assert asked == [Budget("big", most)]
    award = decide_purchase(ruleset, facts)
    assert lines(award)["limit:campaign:big"] == -20
    assert award.breakdown[-1].why == f"at most {words} for this campaign, 30 of them left"


def test_a_budget_in_money_needs_a_point_value_and_buys_at_least_a_point() -> None:
    (place,) = check_ruleset(limited(budget_amount=500))
    assert place.pointer == "/campaigns/0/limits/budget_amount"
    assert place.detail == "needs program.point_value: what a point is worth"
    (place,) = check_ruleset(worth(1, 10, budget_amount=9))
    assert place.detail == "is worth less than one point, so it never gives anything"
    assert check_ruleset(worth(1, 10, budget_amount=10)) == []


@given(st.integers(0, 20_000), st.integers(0, 5), st.integers(0, 60), st.lists(st.integers(1, 9_000), max_size=3))
def test_no_purchase_holds_more_of_a_campaign_than_was_left_and_refunds_only_lessen_it(
    total: int, times: int, left: int, refunds: list[int]
) -> None:
    ruleset = limited(per_member={"times": 3}, budget_points=60)
    facts = facts_with(ruleset, total, uses=(NOON,) * times, left=left)
    holds = points_used(facts, decide_purchase(ruleset, facts)).get("big", 0)
    assert holds == (min(50, left) if total >= 2000 and times < 3 else 0)
    done: tuple[Refund, ...] = ()
    for amount in refunds:
        if amount <= total - sum(refund.total for refund in done):
            done = (*done, Refund(amount))
            now = points_used(facts, keep_after_refund(ruleset, facts, done)).get("big", 0)
            assert now <= holds
            holds = now
