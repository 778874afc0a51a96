"""Points from an earlier programme: said in the report as what no rule gave, and bound like any other work by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_town import ADMIN, DAY

from token_service.audit.sentences import read_lines
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.import_inputs import NewImport, OpeningAccount, OpeningLot
from token_service.ledger.imports import approve_import, declare_import
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import list_members
from token_service.ledger.opening_balances import bring_in

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, saying

LIMITED = RULES.replace("limits: {", "limits: {adjustment_points: 100, ")
BOB = Actor.admin("bob")


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, LIMITED)


def bring(
    made: OpenedProgramme, *points: int, lasting: int | None = None, file: str = "ab", approved: bool = False
) -> None:
    """A member for each of these, who joined three years ago, and their points."""
    town = made.town
    until = None if lasting is None else town.clock.at + lasting * DAY
    accounts = [
        OpeningAccount(
            2,
            NewMember(town.reference(), merchant_id=town.alice.merchant_id, enrolled_at=town.clock.at - 1_000 * DAY),
            (OpeningLot(2, town.reference(), one, until),),
        )
        for one in points
    ]
    new = NewImport(file * 32, "Old Club", str(town.alice.merchant_id), len(accounts), sum(points))
    found = declare_import(town.context, ADMIN, new, points_to_come=sum(points))
    if approved:
        approve_import(town.context, BOB, found.id)
    bring_in(town.context, ADMIN, found.id, new, accounts)


def test_an_honest_import_holds_and_its_sum_is_said(made: OpenedProgramme) -> None:
    """The auditor's replay accepts them as declared import and shows their sum in the report."""
    bring(made, 60, 40)
    bring(made, 300, 150, lasting=200, file="cd", approved=True)
    (member, *_) = [one.id for one in list_members(made.town.context, made.town.alice).data]
    made.town.buy(member, 1_000)
    made.town.redeem(member, 65)
    made.town.clock.forward(40 * DAY)
    run_due(made.town.context)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert report.openings.brought_in == {"Old Club": 550}
    said = "550 points brought in from an earlier programme (Old Club): no rule of this one gave them"
    assert said in read_lines(report)
    assert report.to_json()["openings"]["brought_in"] == {"Old Club": 550}


def test_a_file_that_one_person_brought_in_alone_is_summed(made: OpenedProgramme) -> None:
    bring(made, 60, 70, approved=True)

    def alone(found: list[Settling]) -> list[Settling]:
        return [saying(leaf, approved_by="alma") for leaf in found]

    made.bend = alone
    made.settle()
    (wrong,) = findings(made.audit(), "manual")
    assert wrong.detail.startswith("by hand: import of abab")
    assert wrong.detail.endswith("by alma more than one person may bring in alone")
    assert (wrong.expected, wrong.found) == ("at most 100", "130")


@pytest.mark.parametrize(
    ("check", "words", "changed"),
    [
        ("manual", "the reason of an import is another", lambda leaf: saying(leaf, reason="a gift")),
        ("lots", "a date that is over", lambda leaf: saying(leaf, expires_at="2020-01-01T00:00:00Z")),
        (
            "lots",
            "expire at another date",
            lambda leaf: saying(leaf, imported=leaf.detail["imported"] | {"dated": False}),
        ),
        ("openings", "earlier programme was called", lambda leaf: saying(leaf, imported={"file": "ab", "dated": True})),
        ("openings", "file's hash", lambda leaf: saying(leaf, imported={"from": "Old Club"}, expires_at=None)),
    ],
)
def test_a_lie_about_an_import_is_named(
    made: OpenedProgramme, check: str, words: str, changed: Callable[[Settling], Any]
) -> None:
    bring(made, 60, lasting=200)
    found = findings(lie(made, "adjustment", changed), check)
    assert any(words in one.detail for one in found), found
