"""Rewards for some orders only, in the replay: what came off is computed again, and a use without its order is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewOrder, NewRedemption, NewVoucher, NewVoucherUse
from token_service.ledger.redemptions import redeem
from token_service.ledger.vouchers import buy_reward, use_voucher

from .opened_programme import OpenedProgramme, Settling, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, named, only, saying

REWARDS = """rewards:
  - {id: tenth, kind: discount, points: 40, discount: {percent: 10, up_to: 400}, categories: [PRODUCE], min_total: 2000}
  - {id: five, kind: discount, points: 40, discount: {amount: 500}}
"""
ORDER = NewOrder(2_605, "EUR", (NewItem(1, 1_205, category="PRODUCE"), NewItem(2, 1_400, category="TOYS")))


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES.replace(RULES[RULES.index("rewards:") :], REWARDS))


def redeemed(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 100)
    redeem(made.town.context, made.town.alice, NewRedemption("r-1", member, reward_id="tenth", order=ORDER))


def used(made: OpenedProgramme, reward: str, order: NewOrder | None) -> None:
    member = made.town.member()
    made.town.issue(member, 100)
    bought = buy_reward(made.town.context, Actor.member(member), NewVoucher(made.town.reference(), reward, 40)).value
    new = NewVoucherUse(made.town.reference(), str(bought.code), order=order)
    use_voucher(made.town.context, made.town.alice, new)


def test_honest_uses_with_and_without_orders_hold(made: OpenedProgramme) -> None:
    redeemed(made)
    used(made, "tenth", ORDER)
    used(made, "five", NewOrder(320))
    used(made, "five", None)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


@pytest.mark.parametrize(
    ("said", "expected", "found"),
    [
        ({"discount": 260}, "120", "260"),
        ({"order": {"total": 1_999, "counted": 1_205}}, "≥ 2000", "1999"),
        ({"order": {"total": 2_605, "counted": 2_606}}, "0 ≤ counted ≤ total", "{'counted': 2606, 'total': 2605}"),
        ({"order": None}, "an order", "none"),
    ],
)
def test_what_a_voucher_took_off_is_computed_again(
    made: OpenedProgramme, said: dict[str, Any], expected: str, found: str
) -> None:
    used(made, "tenth", ORDER)
    report = lie(made, "voucher_used", lambda leaf: saying(leaf, **said))
    wrong = named(report, "rewards", count=2 if said == {"order": None} else 1)
    assert (wrong.expected, wrong.found) == (expected, found)
    only(report, "rewards")


def test_what_a_redemption_took_off_is_computed_again(made: OpenedProgramme) -> None:
    redeemed(made)
    wrong = named(lie(made, "redemption", lambda leaf: saying(leaf, discount=500)), "rewards")
    assert (wrong.expected, wrong.found) == ("120", "500")


def test_a_part_of_an_order_that_a_reward_is_for_whole(made: OpenedProgramme) -> None:
    used(made, "five", NewOrder(2_000))

    def part(leaf: Settling) -> Settling:
        return saying(leaf, order={"total": 2_000, "counted": 300}, discount=300)

    wrong = named(lie(made, "voucher_used", part), "rewards")
    assert (wrong.expected, wrong.found) == ("2000", "300")
