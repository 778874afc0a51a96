"""What a new version of the rules adds in points, as far as budgets bound it."""

from __future__ import annotations

import pytest

from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.stakes import added_points, needs_second_person

TEXT = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning:
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: review, kind: event, event: review.written, points: 5, limits: {budget_points: 300}}
campaigns:
  - {id: tea, award: {points: 10}, limits: {budget_points: 100}}
  - {id: free, award: {points: 10}}
limits: {publication_points: 50}
"""


def changed(old: str, new: str) -> Ruleset:
    assert old in TEXT
    return parse_ruleset(TEXT.replace(old, new))


BEFORE = parse_ruleset(TEXT)
TEA = "  - {id: tea, award: {points: 10}, limits: {budget_points: 100}}\n"


@pytest.mark.parametrize(
    ("old", "new", "added"),
    [
        ("campaigns:", "campaigns:", 0),
        (TEA, "", 0),
        ("budget_points: 100", "budget_points: 130", 30),
        ("budget_points: 100", "budget_points: 20", 0),
        (TEA, TEA + TEA.replace("tea", "mint").replace("100", "40"), 40),
        ("budget_points: 300", "budget_points: 310", 10),
        ("award: {points: 10}, limits", "award: {points: 99}, limits", 0),
        ("{id: free, award: {points: 10}}", "{id: free, award: {points: 10}, limits: {budget_points: 9}}", 0),
        ("{id: free, award: {points: 10}}", "{id: free, award: {points: 11}}", None),
        (TEA, TEA + "  - {id: new, award: {points: 1}}\n", None),
        ("points: 1, per: 100", "points: 2, per: 100", None),
        ("publication_points: 50", "publication_points: 5000", None),
        ("limits: {pub", "return_window: P3D\nlimits: {pub", None),
    ],
)  # fmt: skip
def test_a_version_adds_what_its_budgets_add(old: str, new: str, added: int | None) -> None:
    assert added_points(BEFORE, changed(old, new)) == added


CHALLENGES = """
rewards: [{id: cup, kind: gift, points: 20}]
challenges:
  - {id: card, count: {kind: orders}, target: 5, repeat: always, award: {reward: cup}, limits: {budget_vouchers: 10}}
  - {id: spree, count: {kind: spend}, target: 500, repeat: always, award: {points: 9}, limits: {budget_points: 90}}
"""


@pytest.mark.parametrize(
    ("old", "new", "added"),
    [
        ("budget_vouchers: 10", "budget_vouchers: 12", 40),
        ("budget_points: 90", "budget_points: 95", 5),
        (", limits: {budget_points: 90}", "", None),
        (", limits: {budget_vouchers: 10}", "", None),
        ("target: 5,", "target: 4,", 0),
        ("points: 20}", "points: 21}", None),
    ],
)
def test_budgets_of_challenges_count_and_vouchers_at_their_price(old: str, new: str, added: int | None) -> None:
    assert old in CHALLENGES
    assert added_points(parse_ruleset(TEXT + CHALLENGES), parse_ruleset(TEXT + CHALLENGES.replace(old, new))) == added


@pytest.mark.parametrize(("amount", "added"), [(10_000, 900), (10_009, 900), (1_010, 1), (900, 0)])
def test_a_budget_in_money_adds_its_points(amount: int, added: int) -> None:
    worth = TEXT.replace("time_zone:", "point_value: {points: 1, amount: 10}, time_zone:")
    after = worth.replace("budget_points: 100", f"budget_amount: {amount}")
    assert added_points(parse_ruleset(worth), parse_ruleset(after)) == added


def test_a_second_person_is_needed_above_the_limit_of_the_rules_before() -> None:
    assert not needs_second_person(BEFORE, changed("budget_points: 100", "budget_points: 150"))
    assert needs_second_person(BEFORE, changed("budget_points: 100", "budget_points: 151"))
    assert needs_second_person(BEFORE, changed("limits: {publication_points: 50}", ""))
    free = changed("limits: {publication_points: 50}", "")
    assert not needs_second_person(free, BEFORE)
