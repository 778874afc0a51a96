"""Lies about challenges that only the replay can notice: completed too early, not awarded, kept after a refund."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewVoucherUse
from token_service.ledger.vouchers import list_vouchers, use_voucher

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, saying

CHALLENGES = """
challenges:
  - {id: card, count: {kind: items, categories: [coffee]}, target: 5, repeat: always, award: {reward: coffee}}
  - {id: three, count: {kind: orders, when: order.total >= 2000}, target: 3, award: {points: 200, badge: true}}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES + CHALLENGES)


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def coffees(made: OpenedProgramme, member: str, pieces: int) -> str:
    items = (NewItem(line=1, sku=None, category="coffee", quantity=pieces, amount=100 * pieces),)
    return made.town.buy(member, 100 * pieces, items=items).value.id


def use(made: OpenedProgramme, member: str) -> None:
    code = list_vouchers(made.town.context, Actor.member(member))[0].code
    assert code is not None
    use_voucher(made.town.context, made.town.alice, NewVoucherUse(made.town.reference(), code))


def test_an_honest_programme_with_challenges_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    bought = [made.town.buy(member, 2_500).value.id for _ in range(4)]
    made.town.refund(bought[0], 2_500)
    made.town.refund(bought[1], 2_500)
    first = coffees(made, member, 5)
    use(made, member)
    made.town.refund(first, items=[(1, 5)])
    second = coffees(made, member, 11)
    made.town.refund(second, items=[(1, 11)])
    honest(made)


def test_a_challenge_completed_a_purchase_too_early(made: OpenedProgramme) -> None:
    """The third purchase is told as one that is too small to count."""
    member = made.town.member()
    for _ in range(2):
        made.town.buy(member, 2_500)
    honest(made)
    made.town.buy(member, 2_500)

    def small(leaf: Settling) -> Settling:
        if leaf.detail["operation"] != "purchase":
            return leaf
        facts, line = leaf.detail["facts"] | {"total": 1_900}, leaf.detail["breakdown"][0]
        why = line["why"].replace("25.00", "19.00")
        breakdown = [line | {"points": 19, "why": why}]
        return saying(leaf, amount=19, points=19, awarded=19, facts=facts, breakdown=breakdown)

    (wrong,) = findings(lie(made, "issuance", small), "awards")
    assert wrong.detail == "a challenge is completed that is not due"
    assert (wrong.expected, wrong.found) == ("no completion", "three/1")


def test_a_challenge_that_was_not_awarded(made: OpenedProgramme) -> None:
    """The ledger forgets that the third purchase counted; everything else adds up."""
    member = made.town.member()
    for _ in range(2):
        made.town.buy(member, 2_500)
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql("update challenge_steps set amount = 0")
    for _ in range(2):
        made.town.buy(member, 2_500)
    made.settle()
    wrong = findings(made.audit(), "awards")[0]
    assert wrong.detail == "a challenge that was completed was not awarded"
    assert wrong.expected == "three/1"


def test_another_completion_than_the_next(made: OpenedProgramme) -> None:
    member = made.town.member()
    coffees(made, member, 5)

    def second(leaf: Settling) -> Settling:
        return saying(leaf, facts=leaf.detail["facts"] | {"subject": "card/2"})

    wrong = findings(lie(made, "event", second), "awards")[0]
    assert (wrong.expected, wrong.found) == ("card/1", "card/2")


def test_another_reward_than_the_rules_give(made: OpenedProgramme) -> None:
    coffees(made, made.town.member(), 5)
    wrong = findings(lie(made, "event", lambda leaf: saying(leaf, reward="cake")), "awards")[0]
    assert (wrong.detail, wrong.expected, wrong.found) == ("the reward of a challenge is another", "coffee", "cake")


def test_a_completion_kept_after_a_refund(made: OpenedProgramme) -> None:
    """The ledger forgets which completions there were, so it takes nothing back."""
    member = made.town.member()
    bought = [made.town.buy(member, 2_500).value.id for _ in range(3)]
    honest(made)
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql("update challenge_completions set is_taken_back = true")
    made.town.refund(bought[0], 2_500)
    made.town.clock.at = made.town.clock.at.replace(hour=23)
    made.town.buy(member, 100)
    made.settle()
    (wrong,) = findings(made.audit(), "reversals")
    assert wrong.detail == "a challenge that a refund made undone was not taken back"
    assert wrong.expected == "three/1"


def test_a_voucher_used_after_its_stamps_came_back(made: OpenedProgramme) -> None:
    member = made.town.member()
    bought = coffees(made, member, 5)
    code = list_vouchers(made.town.context, Actor.member(member))[0].code
    assert code is not None
    made.town.refund(bought, items=[(1, 5)])
    honest(made)
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql("update vouchers set cancelled_at = null")
    use_voucher(made.town.context, made.town.alice, NewVoucherUse(made.town.reference(), code))
    made.settle()
    (wrong,) = findings(made.audit(), "rewards")
    assert wrong.detail == "a voucher is used whose points came back before"
