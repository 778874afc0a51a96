"""Lies about uses of vouchers that are undone: one not made, one undone twice or too late, and a use of one still used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from token_service.ledger.context import Actor
from token_service.ledger.details import instant
from token_service.ledger.inputs import NewReversal, NewVoucherReversal, NewVoucherUse
from token_service.ledger.merging import merge_members
from token_service.ledger.redemptions import restore
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.vouchers import use_voucher

from .opened_programme import OpenedProgramme, Settling, make_opened
from .test_ended_vouchers import buy
from .test_honest_chain import explain
from .test_replayed_lies import bending, lie, named, saying

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
rewards:
  - {id: tea, kind: gift, points: 40, voucher_valid: P10D, on_expiry: give_back}
  - {id: tenth, kind: discount, points: 40, discount: {percent: 10}}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


@pytest.fixture
def member(made: OpenedProgramme) -> str:
    member = made.town.member()
    made.town.buy(member, 20_000)
    return member


def use(made: OpenedProgramme, voucher: Any, actor: Actor | None = None) -> str:
    reference = made.town.reference()
    use_voucher(made.town.context, actor or made.town.alice, NewVoucherUse(reference, voucher.code))
    return reference


def undo(made: OpenedProgramme, voucher: Any) -> None:
    undo_use(made.town.context, made.town.alice, voucher.id, NewVoucherReversal(made.town.reference()))


def left_out(kind: str, which: int = 0) -> Any:
    """The leaf of this kind is told as something that changes no voucher: a freeze that ends."""
    seen: list[str] = []

    def change(leaf: Settling) -> Settling:
        seen.append(leaf.id)
        return saying(leaf, kind="unfrozen") if len(seen) == which + 1 else leaf

    return bending(kind, change)


def test_an_honest_programme_with_undone_uses_holds(made: OpenedProgramme, member: str) -> None:
    other = made.town.member()
    made.town.buy(other, 20_000)
    voucher = buy(made, other)
    use(made, voucher)
    undo(made, voucher)
    use(made, voucher, made.town.charlie)
    last = buy(made, other)
    use(made, last)
    merge_members(made.town.context, Actor.admin("alma"), other, member, "the same person")
    undo(made, last)
    restore(made.town.context, Actor.admin("alma"), last.redemption_id, NewReversal(made.town.reference()))
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_an_undoing_without_its_use_is_named(made: OpenedProgramme, member: str) -> None:
    voucher = buy(made, member)
    use(made, voucher)
    undo(made, voucher)
    made.bend = left_out("voucher_used")
    made.settle()
    assert "undone that was not made" in named(made.audit(), "rewards").detail


def test_a_second_undoing_of_one_use_is_named(made: OpenedProgramme, member: str) -> None:
    voucher = buy(made, member)
    for _ in range(2):
        use(made, voucher)
        undo(made, voucher)
    made.bend = left_out("voucher_used", which=1)
    made.settle()
    found = named(made.audit(), "rewards")
    assert "undone that does not stand any more" in found.detail


def test_a_use_of_a_voucher_that_is_still_used_is_named(made: OpenedProgramme, member: str) -> None:
    voucher = buy(made, member)
    use(made, voucher)
    undo(made, voucher)
    use(made, voucher)
    made.bend = left_out("voucher_reversal")
    made.settle()
    assert "used a second time" in named(made.audit(), "rewards").detail


@pytest.mark.parametrize(
    "said", [{"use": "another"}, {"voucher": "vch_another"}, {"discount": 10}, {"reward": "tenth"}]
)
def test_an_undoing_of_another_use_is_named(made: OpenedProgramme, member: str, said: dict[str, Any]) -> None:
    voucher = buy(made, member)
    use(made, voucher)
    undo(made, voucher)
    assert "another" in named(lie(made, "voucher_reversal", lambda leaf: saying(leaf, **said)), "rewards").detail


def test_an_undoing_after_the_vouchers_end_is_named(made: OpenedProgramme, member: str) -> None:
    voucher = buy(made, member)
    use(made, voucher)
    undo(made, voucher)
    made.town.clock.forward(timedelta(days=11))
    late = instant(made.town.clock.at)
    report = lie(made, "voucher_reversal", lambda leaf: saying(leaf, recorded_at=late, occurred_at=late))
    assert "after the voucher's end" in named(report, "rewards").detail
