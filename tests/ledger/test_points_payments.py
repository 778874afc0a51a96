"""Purchases that name the redemption which paid part of them: a refund restores both sides, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import delete

from token_service.errors import AlreadyReversed, Conflict, InvalidInput, NotFound, ReferenceConflict
from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.holds import capture, hold
from token_service.ledger.inputs import NewCapture, NewHold, NewItem, NewRefund, NewRefundItem, NewReversal
from token_service.ledger.members import unfreeze
from token_service.ledger.merging import merge_members
from token_service.ledger.payment_tables import points_payments
from token_service.ledger.purchases import get_purchase
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.redemptions import get_redemption, restore
from token_service.ledger.refunds import refund_purchase, simulate_refund
from token_service.ledger.voids import void_skipped

RULES = rules(rewards="[{id: coffee, kind: gift, points: 100}]")


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


@pytest.fixture
def member(town: Town) -> str:
    """Has 250 points."""
    member_id = town.member()
    town.issue(member_id, 250)
    return member_id


def spend(town: Town, member: str, points: int = 100, **more: Any) -> str:
    """100 points are worth 10 euros."""
    return town.redeem(member, points, **more).value.id


def buy(town: Town, member: str, paid_by: str, **more: Any) -> views.Purchase:
    """30 euros, 20 of them in money."""
    said = {"paid_with_points": 1_000, "paid_by": paid_by} | more
    return town.buy(member, said.pop("total", 2_000), **said).value


def refund(town: Town, purchase: views.Purchase, amount: int | None = None, **more: Any) -> views.Refund:
    new = NewRefund(**({"reference": town.reference(), "amount": amount} | more))
    return refund_purchase(town.context, town.alice, purchase.id, new).value


def spent(town: Town, redemption_id: str) -> int:
    """What is left of it with the shop."""
    found = get_redemption(town.context, ADMIN, redemption_id)
    return found.points - found.reversed


def test_a_refund_restores_the_earn_side_and_the_spend_side(town: Town, member: str) -> None:
    """Issue 5: "Returns: by item or amount, earn and spend sides"."""
    paid_by = spend(town, member)
    purchase = buy(town, member, paid_by)
    assert (purchase.paid_by, purchase.points) == (paid_by, 20)
    done = refund(town, purchase, 2_000)
    assert (done.restored, done.reversed, done.kept) == (100, 20, 0)
    assert town.balance(member).available == 250
    assert spent(town, paid_by) == 0
    town.check()


def test_parts_give_back_their_share_and_the_last_one_the_rest(town: Town, member: str) -> None:
    paid_by = spend(town, member)
    purchase = buy(town, member, paid_by, total=3_000)
    assert [refund(town, purchase, amount).restored for amount in (1_000, 1_000, 1_000)] == [33, 33, 34]
    assert spent(town, paid_by) == 0
    town.check()


def test_items_give_back_the_share_of_what_was_paid_for_them(town: Town, member: str) -> None:
    paid_by = spend(town, member)
    items = (NewItem(line=1, sku="tea", quantity=2, amount=2_000), NewItem(line=2, sku="cup", quantity=1, amount=1_000))
    purchase = buy(town, member, paid_by, items=items)
    done = refund(town, purchase, items=(NewRefundItem(1, 1),))
    assert (done.amount.amount, done.restored) == (666, 33)
    rest = refund(town, purchase, items=(NewRefundItem(1, 1), NewRefundItem(2, 1)))
    assert (rest.restored, spent(town, paid_by)) == (67, 0)
    town.check()


def test_the_restoration_bears_the_refunds_reference_and_a_repeated_call_restores_nothing(
    town: Town, member: str
) -> None:
    paid_by = spend(town, member)
    purchase = buy(town, member, paid_by)
    first = refund(town, purchase, 1_000, reference="refund-1")
    assert refund(town, purchase, 1_000, reference="refund-1") == first
    assert spent(town, paid_by) == 50
    with pytest.raises(ReferenceConflict):
        restore(town.context, town.alice, paid_by, NewReversal("refund-1"))
    restore(town.context, town.alice, paid_by, NewReversal("back-1", points=10))
    with pytest.raises(ReferenceConflict):
        refund(town, purchase, 1_000, reference="back-1")
    assert get_purchase(town.context, ADMIN, purchase.id).refunded.amount == 1_000
    town.check()


def test_what_was_restored_on_its_own_is_not_given_back_twice(town: Town, member: str) -> None:
    paid_by = spend(town, member)
    purchase = buy(town, member, paid_by)
    restore(town.context, town.alice, paid_by, NewReversal(town.reference(), points=30))
    assert refund(town, purchase, 1_000).restored == 20
    restore(town.context, town.alice, paid_by, NewReversal(town.reference()))
    assert refund(town, purchase, 1_000).restored == 0
    assert town.balance(member).available == 250
    with pytest.raises(AlreadyReversed):
        restore(town.context, town.alice, paid_by, NewReversal(town.reference()))
    town.check()


def test_a_redemption_is_named_by_its_reference_as_well(town: Town, member: str) -> None:
    paid_by = spend(town, member, reference="spent-1")
    assert buy(town, member, "spent-1").paid_by == paid_by


def test_captured_points_pay_for_a_purchase(town: Town, member: str) -> None:
    held = hold(town.context, town.alice, NewHold(town.reference(), member, 120, timedelta(hours=1))).value
    paid_by = capture(town.context, town.alice, held.id, NewCapture(100, town.reference())).value.id
    purchase = buy(town, member, paid_by)
    assert refund(town, purchase, 2_000).restored == 100
    assert town.balance(member).available == 250
    town.check()


def test_one_redemption_pays_for_one_purchase_of_its_member_at_its_merchant(town: Town, member: str) -> None:
    paid_by, other = spend(town, member), town.member()
    with pytest.raises(InvalidInput):
        buy(town, other, paid_by)
    with pytest.raises(NotFound):
        town.buy(member, 2_000, actor=town.charlie, paid_with_points=1_000, paid_by=paid_by)
    with pytest.raises(NotFound):
        buy(town, member, "red_nothing")
    first = buy(town, member, paid_by)
    with pytest.raises(Conflict) as refusal:
        buy(town, member, paid_by)
    assert refusal.value.facts == {"existing_id": first.id}


def test_its_worth_covers_what_the_purchase_says(town: Town, member: str) -> None:
    paid_by = spend(town, member, 99)
    with pytest.raises(InvalidInput) as refusal:
        buy(town, member, paid_by)
    assert refusal.value.places[0].pointer == "/paid_by"
    assert buy(town, member, paid_by, paid_with_points=990).paid_by == paid_by
    given = spend(town, member, 100)
    restore(town.context, town.alice, given, NewReversal(town.reference(), points=1))
    with pytest.raises(InvalidInput):
        buy(town, member, given)


def test_what_cannot_pay_is_refused_with_a_reason(town: Town, member: str) -> None:
    with pytest.raises(InvalidInput):
        buy(town, member, spend(town, member, None, reward_id="coffee"))
    paid_by = spend(town, member)
    with pytest.raises(InvalidInput):
        buy(town, member, paid_by, paid_with_points=0)


def test_a_redemption_that_the_contract_refused_gives_nothing_back_again(town: Town, member: str) -> None:
    done = town.redeem(member, 100)
    purchase = buy(town, member, done.value.id)
    with town.context.store.write() as connection:
        void_skipped(connection, town.context, done.entries[0].id, reason=4)
    unfreeze(town.context, town.alice, member, "looked at")
    with pytest.raises(InvalidInput):
        buy(town, member, done.value.id)
    assert refund(town, purchase, 2_000).restored == 0
    assert town.balance(member).available == 250
    town.check()


def test_a_simulated_refund_says_what_would_come_back(town: Town, member: str) -> None:
    purchase = buy(town, member, spend(town, member))
    found = simulate_refund(town.context, town.alice, purchase.id, NewRefund("", amount=1_000))
    assert found.value is not None
    assert (found.value.restored, found.balance.available) == (50, 210)
    assert town.balance(member).available == 170


def test_a_purchase_without_it_is_what_it_always_was(town: Town, member: str) -> None:
    purchase = town.buy(member, 2_000, paid_with_points=1_000).value
    assert purchase.paid_by is None
    assert refund(town, purchase, 2_000).restored == 0


def test_points_of_a_merged_account_come_back_to_the_one_that_stays(town: Town, member: str) -> None:
    purchase, other = buy(town, member, spend(town, member)), town.member()
    merge_members(town.context, Actor.admin("alma"), member, other, "the same person")
    assert refund(town, purchase, 2_000).restored == 100
    assert town.balance(other).available == 250
    town.check()


def test_which_redemption_paid_is_rebuilt_from_the_sources(town: Town, member: str) -> None:
    paid_by = spend(town, member)
    buy(town, member, paid_by)
    with town.context.store.write() as connection:
        connection.execute(delete(points_payments))
    assert len(check_rebuild(town.context)) == 1
    rebuild(town.context)
    with pytest.raises(Conflict):
        buy(town, member, paid_by)
    town.check()
