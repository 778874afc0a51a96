"""Lies about whose points and vouchers are meant: operations of others, ids used twice, kinds that hide a fact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewReversal, NewVoucher, NewVoucherUse
from token_service.ledger.redemptions import restore
from token_service.ledger.vouchers import buy_reward, use_voucher

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, bending, lie, named, only, saying


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def use_one(made: OpenedProgramme, member: str) -> str:
    """A voucher, bought and used; its redemption."""
    new = NewVoucher(made.town.reference(), "coffee", 40)
    bought = buy_reward(made.town.context, Actor.member(member), new).value
    assert bought.code is not None
    use_voucher(made.town.context, made.town.alice, NewVoucherUse(made.town.reference(), bought.code))
    return bought.redemption_id


def test_points_that_come_back_to_somebody_else(made: OpenedProgramme) -> None:
    """Bob's redemption is given back to Alice: points and lots agree, the account does not."""
    alice, bob = made.town.member(), made.town.member()
    made.town.buy(alice, 10_000)
    made.town.buy(bob, 10_000)
    mine, theirs = made.town.redeem(alice, 50), made.town.redeem(bob, 50)
    made.settle()
    made.town.restore(mine.value.id)
    taken = next(f for batch in made.chain.batches for f in batch.leaves if f.id == theirs.entries[0].id)
    assert taken.opening is not None
    there = json.loads(taken.opening.detail)["lots"]

    def stolen(leaf: Settling) -> Settling:
        return saying(leaf, of=theirs.value.id, lots=[lot | {"points": -lot["points"]} for lot in there])

    report = lie(made, "restoration", stolen)
    assert "of this account" in str(named(report, "restorations").expected)


def test_a_refund_of_somebody_elses_purchase(made: OpenedProgramme) -> None:
    alice, bob = made.town.member(), made.town.member()
    mine, theirs = made.town.buy(alice, 10_000), made.town.buy(bob, 10_000)
    made.settle()
    made.town.refund(mine.value.id, 10_000)
    report = lie(made, "reversal", lambda leaf: saying(leaf, of=theirs.value.id))
    assert "of this account" in str(named(report, "reversals").expected)


def test_an_entry_under_the_id_of_another(made: OpenedProgramme) -> None:
    """A lot under a known name would hide the one before."""
    member = made.town.member()
    first = made.town.buy(member, 2_000)
    made.settle()
    made.town.buy(member, 1_000)
    report = lie(made, "issuance", lambda leaf: saying(leaf, id=first.entries[0].id))
    assert "leaf" in named(report, "references").detail


def test_a_purchase_under_the_id_of_another(made: OpenedProgramme) -> None:
    """It would take the other's place in the history that levels count."""
    member = made.town.member()
    first = made.town.buy(member, 2_000)
    made.settle()
    made.town.buy(member, 1_000)
    report = lie(made, "issuance", lambda leaf: saying(leaf, operation_id=first.value.id))
    assert "operation" in named(report, "references").detail


def test_a_fact_that_says_the_kind_of_another_operation(made: OpenedProgramme) -> None:
    """Nothing that is known hides among what is not interpreted."""
    member = made.town.member()
    made.town.buy(member, 40)
    report = lie(made, "purchase", lambda leaf: saying(leaf, operation="promotion"))
    assert findings(report, "openings")[0].found == "purchase of promotion"


def test_a_voucher_that_is_used_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    use_one(made, member)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert report.openings.not_interpreted == {}


def test_a_voucher_that_is_used_for_another_reward(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    use_one(made, member)
    report = lie(made, "voucher_used", lambda leaf: saying(leaf, reward="hamper"))
    wrong = named(report, "rewards")
    assert (wrong.expected, wrong.found) == ("coffee", "hamper")
    only(report, "rewards")


def test_a_voucher_that_is_used_twice(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    first = use_one(made, member)
    made.settle()
    use_one(made, member)
    report = lie(made, "voucher_used", lambda leaf: saying(leaf, of=first))
    assert "second time" in named(report, "rewards").detail


def test_a_voucher_that_is_used_after_its_points_came_back(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    cancelled = made.town.redeem(member, None, reward_id="coffee")
    restore(made.town.context, made.town.alice, cancelled.value.id, NewReversal(made.town.reference()))
    made.settle()
    use_one(made, member)
    report = lie(made, "voucher_used", lambda leaf: saying(leaf, of=cancelled.value.id))
    assert "came back before" in named(report, "rewards").detail


def test_a_voucher_that_nobody_bought(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    use_one(made, member)
    made.bend = bending("voucher_used", lambda leaf: saying(leaf, of="red_nothing"))
    made.settle()
    assert "without its redemption" in named(made.audit(), "rewards").detail
