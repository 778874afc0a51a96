"""Lies about closed accounts that only the replay can notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie

ADMIN = Actor.admin()


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def test_an_account_honestly_closed_and_opened_again_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    bought = made.town.buy(member, 2_500).value
    close_member(made.town.context, ADMIN, member, "asked to", forfeit=True)
    made.town.refund(bought.id, 500)
    reopen_member(made.town.context, ADMIN, member, "came back")
    made.town.buy(member, 900)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_purchase_with_a_closed_account(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 2_500)
    close_member(made.town.context, ADMIN, member, "asked to", forfeit=True)
    made.settle()
    reopen_member(made.town.context, ADMIN, member, "came back")
    made.town.buy(member, 900)

    def unsaid(leaf: Settling) -> Settling:
        """Nobody is told that it was opened again."""
        return replace(leaf, detail={**leaf.detail, "kind": "unfrozen"})

    found = findings(lie(made, "reopened", unsaid), "history")
    assert any(one.detail == "something happens to a closed account" for one in found), found


def test_an_account_that_is_closed_twice(made: OpenedProgramme) -> None:
    member = made.town.member()
    close_member(made.town.context, ADMIN, member, "asked to")
    reopen_member(made.town.context, ADMIN, member, "came back")
    made.settle()
    close_member(made.town.context, ADMIN, member, "asked to")

    def as_reopened(leaf: Settling) -> Settling:
        return replace(leaf, detail={**leaf.detail, "kind": "reopened"})

    (wrong,) = findings(lie(made, "closed", as_reopened), "history")
    assert (wrong.expected, wrong.found) == ("closed", "active")
