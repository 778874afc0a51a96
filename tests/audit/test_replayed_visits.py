"""Visits that the rules count by their times: the auditor counts them again from the account's own purchases."""

from __future__ import annotations

from pathlib import Path

import pytest

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, saying

BONUS = """
visits: {}
campaigns: [{id: second, when: visit.number == 2 && visit.receipt == 1, award: {points: 100}}]
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES + BONUS)


def two_days_in_turns(made: OpenedProgramme) -> str:
    """A member whose tills report two days in turns, with a refund between."""
    town = made.town
    member, start = town.member(), town.clock.at
    town.clock.at += 2 * DAY
    bought = [town.buy(member, 1_000, occurred_at=start + day * DAY).value for day in (0, 1, 0, 1)]
    assert [one.points for one in bought] == [10, 110, 10, 10]
    for one in (bought[1], bought[3]):
        town.refund(one.id, 1_000)
    assert town.buy(member, 1_000, occurred_at=start + DAY).value.points == 110
    return member


def test_late_tills_and_refunds_hold(made: OpenedProgramme) -> None:
    two_days_in_turns(made)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_visit_that_is_another_one(made: OpenedProgramme) -> None:
    two_days_in_turns(made)

    def other(leaf: Settling) -> Settling:
        facts = leaf.detail.get("facts", {})
        if leaf.detail.get("operation") != "purchase" or facts["visit"] != {"number": 1, "receipt": 2}:
            return leaf
        return saying(leaf, facts=facts | {"visit": {"number": 3, "receipt": 1}})

    made.bend = lambda leaves: [other(leaf) for leaf in leaves]
    made.settle()
    (wrong, *_) = findings(made.audit(), "history")
    assert (wrong.expected, wrong.found) == ("visit 1, receipt 2", "visit 3, receipt 1")
