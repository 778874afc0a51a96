"""Points with visits and campaigns for some lines: the auditor decides them again from the facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.ledger.inputs import NewItem

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, saying

EARNING = "{id: base, kind: spend, points: 1, per: 100}"
MORE = RULES.replace(EARNING, EARNING + ", {id: second, kind: visit, points: 50, every: 2}") + (
    "campaigns: [{id: brew, award: {multiplier_percent: 200, items: {categories: [coffee]}}}]\n"
)
BASKET = (
    NewItem(line=1, amount=1_200, category="coffee", quantity=2),
    NewItem(line=2, amount=1_190, category="toys"),
)


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, MORE)


def bought_twice(made: OpenedProgramme) -> None:
    """Two visits with coffee: 34 points and 84 + 25, the coffee's share of the second visit's base alone being doubled."""
    town = made.town
    member = town.member()
    points = []
    for _ in range(2):
        bought = town.buy(member, 2_390, items=BASKET).value
        points.append(bought.points)
        town.clock.forward(DAY)
    assert points == [34, 84]
    town.refund(bought.id, items=((1, 1),))


def test_honest_visits_and_lines_hold(made: OpenedProgramme) -> None:
    bought_twice(made)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def named(made: OpenedProgramme, line: str, points: int) -> None:
    """Settles the first award with other points on one line, and asks the auditor."""
    bought_twice(made)
    made.bend = lambda leaves: [_other(leaf, line, points) for leaf in leaves]
    made.settle()
    (wrong, *_) = findings(made.audit(), "awards")
    assert wrong.expected != wrong.found


def _other(leaf: Settling, rule: str, points: int) -> Settling:
    detail = leaf.detail
    if detail["kind"] != "issuance" or not any(line["rule"] == rule for line in detail["breakdown"]):
        return leaf
    told = [line | {"points": points} if line["rule"] == rule else line for line in detail["breakdown"]]
    total = sum(line["points"] for line in told)
    return saying(leaf, amount=total, points=total, awarded=total, breakdown=told)


def test_a_whole_basket_doubled_for_its_coffee_is_named(made: OpenedProgramme) -> None:
    named(made, "brew", 23)


def test_other_points_of_a_visit_are_named(made: OpenedProgramme) -> None:
    named(made, "second", 60)
