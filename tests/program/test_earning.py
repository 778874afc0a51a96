"""What a purchase earns. Numbers of reference/loyalty-systems.md §1 are in the names where a test holds one of its sentences."""

import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings

from token_service.errors import InvalidInput
from token_service.program.earning import Award, Line, decide_purchase, round_points
from token_service.program.facts import PurchaseFacts
from token_service.program.ruleset import Ruleset, default_ruleset_text, parse_ruleset
from token_service.units import POINTS_MAX

from .baskets import BASE, item, purchase, purchases, ruleset_of, rulesets


def points_of(award: Award) -> dict[str, int]:
    return {line.rule: line.points for line in award.breakdown}


def test_number_1_an_order_of_23_90_earns_23_points() -> None:
    award = decide_purchase(parse_ruleset(default_ruleset_text()), purchase(2390))
    assert award == Award(23, (Line("base", 23, "1 point per 1.00 EUR of 23.90 EUR paid, rounded down"),))


@pytest.mark.parametrize(("rounding", "points"), [("floor", 23), ("half_up", 24), ("ceil", 24)])
def test_each_rule_rounds_as_it_says(rounding: str, points: int) -> None:
    assert decide_purchase(ruleset_of(earning=[{**BASE, "rounding": rounding}]), purchase(2350)).points == points


def test_halves_go_up_and_whole_numbers_stay() -> None:
    assert [round_points(Fraction(value, 2), "half_up") for value in range(5)] == [0, 1, 1, 2, 2]
    assert [round_points(Fraction(3), rounding) for rounding in ("floor", "half_up", "ceil")] == [3, 3, 3]


@pytest.mark.parametrize(("basis", "points"), [("gross", 60), ("net", 50), ("goods", 55)])
def test_the_basis_is_declared(basis: str, points: int) -> None:
    facts = purchase(6000, tax=1000, shipping=500)
    assert decide_purchase(ruleset_of(earning=[{**BASE, "basis": basis}]), facts).points == points


@pytest.mark.parametrize(("total", "bonus"), [(4999, 0), (5000, 20)])
def test_number_13_a_basket_threshold_is_reached_at_its_cent(total: int, bonus: int) -> None:
    ruleset = ruleset_of(campaigns=[{"id": "big", "when": "order.total >= 5000", "award": {"points": 20}}])
    assert points_of(decide_purchase(ruleset, purchase(total))).get("big", 0) == bonus


def test_points_are_not_earned_on_what_a_discount_took_off() -> None:
    """erpnext #14847, odoo #114004: the order's own discount is spread over its lines."""
    rule = {"id": "fresh", "kind": "item", "points": 1, "per": 100, "categories": ["PRODUCE"]}
    facts = purchase(1500, items=(item(1, 1000, category="PRODUCE"), item(2, 1000)), discount=500)
    assert decide_purchase(ruleset_of(earning=[rule]), facts).points == 7  # 7.50 EUR of the 10.00 were paid


def test_every_matching_earning_rule_adds_up() -> None:
    rules = [
        BASE,
        {"id": "fresh", "kind": "item", "points": 2, "per": 100, "categories": ["PRODUCE", "MEAT"]},
        {"id": "coffee", "kind": "item", "points": 5, "per_quantity": 2, "skus": ["COFFEE"]},
        {"id": "never", "kind": "item", "points": 5, "per_quantity": 1, "skus": ["TEA"]},
    ]
    basket = (item(1, 330, category="PRODUCE"), item(2, 250, category="MEAT"), item(3, 900, sku="COFFEE", quantity=5))
    assert points_of(decide_purchase(ruleset_of(earning=rules), purchase(items=basket))) == {
        "base": 14,
        "fresh": 11,
        "coffee": 12,
    }


def test_an_item_rule_net_of_tax_leaves_out_the_lines_tax() -> None:
    rule = {"id": "fresh", "kind": "item", "points": 1, "per": 100, "categories": ["PRODUCE"], "basis": "net"}
    assert (
        decide_purchase(ruleset_of(earning=[rule]), purchase(items=(item(1, 1055, category="PRODUCE", tax=55),))).points
        == 10
    )


def test_a_campaign_runs_on_its_local_first_and_last_day() -> None:
    ruleset = ruleset_of(campaigns=[{"id": "day", "from": "2026-06-10", "until": "2026-06-10", "award": {"points": 1}}])
    earned = {
        at: "day" in points_of(decide_purchase(ruleset, purchase(100, at=datetime.fromisoformat(at))))
        for at in ("2026-06-09T21:59:59Z", "2026-06-09T22:00:00Z", "2026-06-10T21:59:59Z", "2026-06-10T22:00:00Z")
    }
    assert list(earned.values()) == [False, True, True, False]


LEVELS = [{"id": "bronze", "from": 0}, {"id": "gold", "from": 1000, "multiplier_percent": 150}]
TIERS = {"qualify_by": "spend", "window": {"kind": "lifetime"}, "levels": LEVELS}


def test_tier_and_campaign_multiply_each_other_and_leave_bonuses_alone() -> None:
    double = {"id": "double", "award": {"multiplier_percent": 200}}
    bonus = {"id": "bonus", "award": {"points": 10}}
    ruleset = ruleset_of(tiers=TIERS, campaigns=[double, bonus])
    award = decide_purchase(ruleset, purchase(2390, tier="gold"))
    assert points_of(award) == {"base": 23, "bonus": 10, "tier:gold": 11, "double": 35}
    assert award.points == 10 + 23 * 3
    assert award.breakdown[2].why == "150 %: 23 points become 34, rounded down"


def test_multipliers_may_cover_bonuses_when_the_ruleset_says_so() -> None:
    ruleset = ruleset_of(
        tiers=TIERS,
        campaigns=[{"id": "bonus", "award": {"points": 10}}],
        multipliers={"basis": "earning_and_bonuses", "rounding": "ceil"},
    )
    assert decide_purchase(ruleset, purchase(2390, tier="gold")).points == 50  # ceil(33 × 1.5)


def test_a_tier_that_the_ruleset_does_not_know_multiplies_nothing() -> None:
    assert decide_purchase(ruleset_of(tiers=TIERS), purchase(2390, tier="platinum")).points == 23


def test_number_46_limits_show_as_their_own_negative_lines() -> None:
    ruleset = ruleset_of(limits={"per_order_points": 100, "per_member_day_points": 120})
    award = decide_purchase(ruleset, purchase(50_000, day_points=50))
    assert points_of(award) == {"base": 500, "limit:per_order_points": -400, "limit:per_member_day_points": -30}
    assert award.points == 70
    assert decide_purchase(ruleset, purchase(50_000, day_points=500)).points == 0


def test_no_award_exceeds_what_one_entry_can_carry() -> None:
    award = decide_purchase(ruleset_of(earning=[{**BASE, "points": 1000, "per": 1}]), purchase(POINTS_MAX))
    assert award.points == POINTS_MAX
    assert award.breakdown[-1].rule == "limit:largest_entry"


def test_a_purchase_of_nothing_earns_nothing_and_says_so() -> None:
    assert decide_purchase(ruleset_of(), purchase(0)) == Award(
        0, (Line("base", 0, "1 point per 1.00 EUR of 0.00 EUR paid, rounded down"),)
    )


@given(rulesets(), purchases())
def test_lines_sum_to_an_award_that_is_never_negative(ruleset: Ruleset, facts: PurchaseFacts) -> None:
    award = decide_purchase(ruleset, facts)
    assert award.points == sum(line.points for line in award.breakdown) >= 0
    assert all(line.points >= 0 or line.rule.startswith("limit:") for line in award.breakdown)
    assert len({line.rule for line in award.breakdown}) == len(award.breakdown)


@given(rulesets(), purchases())
def test_the_same_facts_give_the_same_award_also_through_json(ruleset: Ruleset, facts: PurchaseFacts) -> None:
    again = PurchaseFacts.from_json(json.loads(json.dumps(facts.to_json())))
    award = decide_purchase(ruleset, facts)
    assert decide_purchase(ruleset, again) == award
    assert Award.from_json(json.loads(json.dumps(award.to_json()))) == award


@given(rulesets(), purchases())
@settings(max_examples=50)
def test_limits_hold_whatever_is_earned(ruleset: Ruleset, facts: PurchaseFacts) -> None:
    points, limits = decide_purchase(ruleset, facts).points, ruleset.limits
    assert limits.per_order_points is None or points <= limits.per_order_points
    room = max(0, (limits.per_member_day_points or POINTS_MAX) - facts.member.day_points)
    assert points <= room


def test_it_refuses_what_is_no_award() -> None:
    with pytest.raises(InvalidInput):
        Award.from_json({"breakdown": [{"rule": "base"}]})


def test_the_clock_of_the_machine_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    ruleset = ruleset_of(campaigns=[{"id": "late", "when": "visit.hour == 12", "award": {"points": 5}}])
    awards = []
    for zone in ("UTC", "Asia/Tokyo", "America/Lima"):
        monkeypatch.setenv("TZ", zone)
        awards.append(decide_purchase(ruleset, purchase(100, at=datetime(2026, 11, 22, 11, tzinfo=UTC))))
    assert awards[0].points == 6
    assert len(set(awards)) == 1
