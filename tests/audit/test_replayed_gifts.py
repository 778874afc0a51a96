"""Vouchers and badges of campaigns: the auditor says which were due, which were not given, and which should have come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucherReversal, NewVoucherUse
from token_service.ledger.merging import merge_members
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.vouchers import list_vouchers, use_voucher

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, saying

GIFTS = """
campaigns:
  - {id: big, when: order.total >= 5000, award: {voucher: coffee}, limits: {per_member: {times: 2}}}
  - {id: regular, when: visit.number >= 2, award: {badge: true}}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES + GIFTS)


def live(made: OpenedProgramme) -> None:
    """Two vouchers of three large purchases, a badge, and a refund that takes one voucher back."""
    town = made.town
    member, bought = town.member(), []
    for _ in range(3):
        bought.append(town.buy(member, 6_000).value)
        town.clock.forward(DAY)
    assert [len(one.completed) for one in bought] == [1, 2, 0]
    town.refund(bought[0].id, 6_000)
    town.refund(bought[1].id, 6_000)


def test_honest_gifts_hold(made: OpenedProgramme) -> None:
    live(made)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_voucher_of_an_account_that_became_part_of_another_may_be_taken_back_there(made: OpenedProgramme) -> None:
    """The undone use is told by the old account, the taking back by the other one; no number says which came first."""
    town, context = made.town, made.town.context
    kept, other = town.member(), town.member()
    bought = town.buy(other, 6_000).value
    (voucher,) = list_vouchers(context, Actor.member(other))
    use_voucher(context, town.alice, NewVoucherUse(town.reference(), voucher.code or ""))
    merge_members(context, Actor.admin("alma"), other, kept, "the same person")
    made.settle()
    town.clock.forward(DAY)
    town.buy(kept, 100)  # of this batch the account that stays is read first
    undo_use(context, town.alice, voucher.id, NewVoucherReversal(town.reference()))
    town.clock.forward(DAY)
    town.refund(bought.id, 6_000)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def forgets(made: OpenedProgramme, statement: str) -> None:
    """The ledger forgets something; everything else that it writes adds up."""
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql(statement)


def test_a_voucher_that_was_not_given_is_named(made: OpenedProgramme) -> None:
    member = made.town.member()
    assert len(made.town.buy(member, 6_000).value.completed) == 1
    forgets(made, "update challenge_steps set amount = 0")
    for _ in range(2):
        made.town.buy(member, 6_000)
    made.settle()
    wrong = findings(made.audit(), "awards")[0]
    assert (wrong.detail, wrong.expected) == ("a challenge that was completed was not awarded", "big/2")


def test_a_voucher_kept_after_a_refund_is_named(made: OpenedProgramme) -> None:
    member = made.town.member()
    bought = made.town.buy(member, 6_000).value
    forgets(made, "update challenge_completions set is_taken_back = true")
    made.town.refund(bought.id, 6_000)
    made.town.clock.forward(DAY)
    made.town.buy(member, 100)
    made.settle()
    wrong = findings(made.audit(), "reversals")[0]
    assert (wrong.detail, wrong.expected) == ("a challenge that a refund made undone was not taken back", "big/1")


def test_a_third_voucher_of_two_is_named(made: OpenedProgramme) -> None:
    """The third purchase's own event, told as one more voucher."""
    live(made)

    def another(leaf: Settling) -> Settling:
        facts = leaf.detail.get("facts", {})
        return saying(leaf, facts=facts | {"subject": "big/3"}) if facts.get("subject") == "big/2" else leaf

    made.bend = lambda leaves: [another(leaf) for leaf in leaves]
    made.settle()
    assert any("that is not due" in one.detail for one in findings(made.audit(), "awards"))
