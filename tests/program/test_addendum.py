"""An addendum is its base plus additions, and nobody can lose by it."""

import json
from typing import Any

import pytest

from token_service.program.addendum import addendum_problems, is_addendum_of
from token_service.program.ruleset import Ruleset, parse_ruleset

from .test_ruleset import FULL, changed

COFFEE = {"id": "tea", "kind": "gift", "points": 80}
WEEK = {
    "id": "week",
    "kind": "discount",
    "points": 80,
    "points_by_level": {"gold": 40},
    "discount": {"percent": 10},
    "categories": ["TEA"],
    "min_total": 1000,
}
CAMPAIGN = {"id": "summer", "award": {"points": 5}}


def read(document: dict[str, Any]) -> Ruleset:
    return parse_ruleset(json.dumps(document))


def without_lists() -> dict[str, Any]:
    return {key: value for key, value in FULL.items() if key not in ("campaigns", "rewards")}


@pytest.mark.parametrize(
    "document",
    [
        changed("/rewards", [*FULL["rewards"], COFFEE]),
        changed("/rewards", [*FULL["rewards"], WEEK]),
        changed("/campaigns", [*FULL["campaigns"], CAMPAIGN]),
        changed("/campaigns/0/until", "2027-01-31"),
        changed("/campaigns/0/until", ...),
    ],
)
def test_additions_and_later_dates_are_an_addendum(document: dict[str, Any]) -> None:
    assert addendum_problems(read(FULL), read(document)) == []
    assert is_addendum_of(read(FULL), read(document))


def test_lists_may_begin_with_an_addendum() -> None:
    assert is_addendum_of(read(without_lists()), read(FULL))


def test_the_base_itself_is_no_addendum() -> None:
    assert not is_addendum_of(read(FULL), read(FULL))


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (changed("/earning/0/points", 2), "/earning"),
        (changed("/expiry/period", "P6M"), "/expiry"),
        (changed("/return_window", ...), "/return_window"),
        (changed("/limits", ...), "/limits"),
        (changed("/rewards/0/points", 120), "/rewards/0"),
        (changed("/rewards", []), "/rewards"),
        (changed("/rewards", [COFFEE, *FULL["rewards"]]), "/rewards/0"),
        (changed("/campaigns/0/until", "2026-12-30"), "/campaigns/0"),
        (changed("/campaigns/1/until", "2030-01-01"), "/campaigns/1"),
        (changed("/campaigns/0/from", "2026-01-02"), "/campaigns/0"),
        (changed("/campaigns/0/when", "true"), "/campaigns/0"),
        (changed("/campaigns/0/award/points", 51), "/campaigns/0"),
        (without_lists(), "/campaigns"),
    ],
)
def test_anything_else_is_not(document: dict[str, Any], pointer: str) -> None:
    assert pointer in [place.pointer for place in addendum_problems(read(FULL), read(document))]
    assert not is_addendum_of(read(FULL), read(document))
