"""Limits of challenges and of campaigns' vouchers: the auditor decides what is left of them again, and sums budgets up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, saying

LIMITED = """
campaigns:
  - id: big
    when: order.total >= 5000
    award: {voucher: coffee}
    limits: {per_member: {times: 1, every: P5D}, budget_vouchers: 2}
challenges:
  - {id: spree, count: {kind: spend}, target: 6000, repeat: always, award: {points: 50}, limits: {budget_points: 120}}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES + LIMITED)


def live(made: OpenedProgramme) -> None:
    """Two vouchers and 100 points, then the rest of the points and no voucher; one given back goes to somebody else."""
    town = made.town
    ann, ben, cleo = town.member(), town.member(), town.member()
    first = town.buy(ann, 6_000).value
    assert [(one.points, one.reward_id) for one in first.completed] == [(50, None), (0, "coffee")]
    assert [one.reward_id for one in town.buy(ann, 6_000).value.completed] == [None, None], "once in five days"
    town.clock.forward(DAY)
    assert [(one.points, one.reward_id) for one in town.buy(ben, 6_000).value.completed] == [(20, None), (0, "coffee")]
    assert [(one.points, one.reward_id) for one in town.buy(cleo, 6_000).value.completed] == [(0, None), (0, None)]
    town.refund(first.id, 6_000)


def test_honest_limits_hold(made: OpenedProgramme) -> None:
    live(made)
    made.town.clock.forward(DAY)
    made.town.buy(made.town.member(), 6_000)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def told(made: OpenedProgramme, subject: str, turn: int = 0, **left: object) -> None:
    """The completions of that subject from the turn-th on say something else of what was left."""
    seen = []

    def bent(leaf: Settling) -> Settling:
        facts = leaf.detail.get("facts", {})
        if facts.get("subject") != subject or "limits" not in facts:
            return leaf
        seen.append(leaf)
        return saying(leaf, facts=facts | {"limits": [facts["limits"][0] | left]}) if len(seen) > turn else leaf

    made.bend = lambda leaves: [bent(leaf) for leaf in leaves]
    made.settle()


def test_a_voucher_withheld_though_some_were_left_is_named(made: OpenedProgramme) -> None:
    """It says that none were left, and gives one."""
    made.town.buy(made.town.member(), 5_000)
    told(made, "big/1", budget_points=0)
    details = [one.detail for one in findings(made.audit(), "awards")]
    assert details == ["the rules give another breakdown", "the reward of a challenge is another"]


def test_more_vouchers_than_the_budget_has_are_named(made: OpenedProgramme) -> None:
    """What everybody had is summed up, whatever each completion says was left."""
    for _ in range(3):
        with made.town.context.store.write() as connection:
            connection.exec_driver_sql("delete from campaign_budgets")
        made.town.buy(made.town.member(), 5_000)
    made.settle()
    assert any("gave more than its budget" in one.detail for one in findings(made.audit(), "awards"))


def test_a_budget_that_comes_after_what_was_given_without_one_is_no_finding(
    node_url: str, tmp_path: Path, keys_folder: Path
) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, RULES + LIMITED.replace(", budget_vouchers: 2", ""))
    for _ in range(3):
        made.town.buy(made.town.member(), 5_000)
    made.settle()
    made.publish(RULES + LIMITED, ahead=timedelta(hours=3))
    made.town.pass_time(timedelta(hours=9))
    assert [one.reward_id for one in made.town.buy(made.town.member(), 5_000).value.completed] == [None]
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_second_voucher_within_its_days_is_named(made: OpenedProgramme) -> None:
    """The ledger forgets what the member had; everything else that it writes adds up."""
    member = made.town.member()
    made.town.buy(member, 5_000)
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql("update campaign_uses set points = 0")
    assert "coffee" in [one.reward_id for one in made.town.buy(member, 5_000).value.completed]
    made.settle()
    wrong = findings(made.audit(), "awards")[0]
    assert wrong.detail == "what limited rules had left is another"
