"""Lies about accounts that became one, that only the replay can notice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_town import ADMIN

from token_service.ledger.causes import create_cause
from token_service.ledger.context import Actor
from token_service.ledger.merging import merge_members

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, saying

WITH_CARD = RULES + "challenges: [{id: card, count: {kind: orders}, target: 2, repeat: always, award: {points: 9}}]\n"


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, WITH_CARD)


def merged(made: OpenedProgramme) -> tuple[str, str]:
    """Two members with a full card each, of whom the first becomes part of the second."""
    old, kept = made.town.member(), made.town.member()
    for member in (old, old, kept, kept):
        made.town.buy(member, 5_000)
    made.settle()
    merge_members(made.town.context, ADMIN, old, kept, "the same person")
    return old, kept


def test_two_accounts_that_honestly_became_one_hold(made: OpenedProgramme) -> None:
    _, kept = merged(made)
    made.town.buy(kept, 5_000)
    made.town.redeem(kept, None, reward_id="coffee")
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def lot(**more: Any) -> Callable[[Settling], Settling]:
    return lambda leaf: saying(leaf, lot=leaf.detail["lot"] | more) if "lot" in leaf.detail else leaf


@pytest.mark.parametrize(
    ("kind", "change", "check", "says"),
    [
        ("move", lot(issued_at="2026-01-01T00:00:00Z"), "lots", "a lot becomes another one on the way"),
        ("move", lot(party=3), "lots", "a lot becomes another one on the way"),
        ("move", lot(id="ent_nothing"), "history", "points come in that went out nowhere"),
        ("merged", lambda leaf: saying(leaf, moved=5), "lots", "the points that moved is another"),
        ("merged", lambda leaf: saying(leaf, pending=5), "awards", "what waits for its return window is another"),
        ("merged", lambda leaf: saying(leaf, reason=" "), "manual", "a merge has no reason"),
        ("merged_in", lambda leaf: saying(leaf, actor=None), "manual", "a merge has no actor"),
        ("merged_in", lambda leaf: saying(leaf, renamed={}), "history", "the completed challenges that get another number"),
        (
            "merged_in",
            lambda leaf: saying(leaf, visit=leaf.detail["visit"] | {"number": 9}),
            "history",
            "the last visit of both is another",
        ),
    ],
)  # fmt: skip
def test_each_lie_about_a_merge_is_named(
    made: OpenedProgramme, kind: str, change: Callable[[Settling], Settling], check: str, says: str
) -> None:
    merged(made)
    report = lie(made, kind, change)
    found = [one.detail for one in findings(report, check)]
    assert report.exit_code == 1, explain(report)
    assert any(says in one for one in found), explain(report)


def test_many_points_that_one_person_moved(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    limited = WITH_CARD.replace("manual_issuance_points: 300", "manual_issuance_points: 300, adjustment_points: 90")
    made = make_opened(node_url, tmp_path, keys_folder, limited)
    old, kept = made.town.member(), made.town.member()
    made.town.buy(old, 10_000)
    for actor in (ADMIN, Actor.admin("bob")):
        merge_members(made.town.context, actor, old, kept, "the same person")
    report = lie(made, "merged", lambda leaf: saying(leaf, approved_by=leaf.detail["actor"]))
    (wrong,) = findings(report, "manual")
    assert "was approved by nobody else" in wrong.detail


def test_points_that_come_into_an_account_that_nobody_merged(made: OpenedProgramme) -> None:
    merged(made)
    report = lie(made, "merged", lambda leaf: saying(leaf, into_account="0x" + "11" * 20))
    found = [one.detail for one in findings(report, "history")]
    assert any("becomes part of this account" in one for one in found), explain(report)


def test_points_that_went_out_and_never_came_in(made: OpenedProgramme) -> None:
    merged(made)
    made.settle(20)  # what goes out; what comes in waits for it
    assert made.audit().exit_code == 0
    made.town.clock.at += timedelta(hours=3)
    cause = create_cause(made.town.context, ADMIN, "Refuge")
    made.wait()
    made.chain.admin("registerParty", cause.party, cause.name, 0, 0)
    (wrong,) = findings(made.audit(), "history")
    assert "did not arrive where they went" in wrong.detail
    assert (wrong.expected, wrong.found) == ("109 points in", "nothing")
