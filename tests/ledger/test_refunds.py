"""Refunds, every case of DESIGN §3.4 and §3.5: while pending, after issue, after spending, after expiry, and debt
paid by a later credit.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import DAY, START, Make, Town, rules

from token_service.errors import InvalidInput, RefundExceedsPurchase, WrongCurrency
from token_service.ledger.inputs import NewItem, NewStore
from token_service.ledger.merchants import create_store

WINDOW = rules(return_window="P14D")
EXPIRING = rules(expiry="{kind: fixed, period: P30D}")


def test_inside_the_window_the_pending_award_shrinks_and_nothing_is_minted(make: Make) -> None:
    town = make(WINDOW)
    member = town.member()
    bought = town.buy(member, 10_000)
    assert (bought.value.points, bought.value.pending, bought.entries) == (100, 100, ())
    refund = town.refund(bought.value.id, 4_000).value
    assert (refund.kept, refund.pending_cancelled, refund.reversed, refund.debt) == (60, 40, 0, 0)
    assert town.balance(member).pending == 60
    town.pass_time(timedelta(days=14))
    assert town.moves(member) == [("issuance", 60)]
    assert town.balance(member).pending == 0
    town.check()


def test_a_full_refund_inside_the_window_leaves_no_entry_for_ever(make: Make) -> None:
    town = make(WINDOW)
    member = town.member()
    refund = town.refund(town.buy(member, 10_000).value.id, 10_000)
    assert (refund.value.kept, refund.value.pending_cancelled, refund.balance.pending) == (0, 100, 0)
    assert refund.promise is not None
    assert town.pass_time(timedelta(days=30)).awards_matured == 0
    assert town.moves(member) == []
    town.check()


def test_after_issue_the_difference_is_reversed(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_050)
    refund = town.refund(bought.value.id, 5_000)
    assert (refund.value.kept, refund.value.reversed, refund.value.debt) == (50, 50, 0)
    assert town.moves(member) == [("issuance", 100), ("reversal", -50)]
    town.check()


def test_what_was_spent_becomes_debt_and_the_next_credit_pays_it(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_000)
    town.redeem(member, 80)
    refund = town.refund(bought.value.id, 10_000)
    assert (refund.value.reversed, refund.value.debt, refund.balance.debt) == (20, 80, 80)
    paid = town.buy(member, 5_000)
    assert [(entry.kind, entry.points) for entry in paid.entries] == [("issuance", 50)]
    assert town.moves(member)[-2:] == [("issuance", 50), ("reversal", -50)]
    assert (paid.balance.available, paid.balance.debt) == (0, 30)
    assert town.issue(member, 40).balance.available == 10
    assert town.balance(member).debt == 0
    town.check()


def test_a_refund_with_nothing_left_is_all_debt_and_still_has_a_promise(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_000)
    town.redeem(member, 100)
    refund = town.refund(bought.value.id, 10_000)
    assert (refund.value.reversed, refund.value.debt, refund.entries) == (0, 100, ())
    assert refund.promise is not None
    assert refund.promise.kind == 0
    town.check()


def test_a_restoration_does_not_pay_debt(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_000)
    spent = town.redeem(member, 100)
    town.refund(bought.value.id, 10_000)
    restored = town.restore(spent.value.id)
    assert (restored.balance.available, restored.balance.debt) == (100, 100)
    assert town.buy(member, 1_000).balance.debt == 0  # the next credit pays from all that is there
    town.check()


def test_refunding_twice_takes_once(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_000)
    town.refund(bought.value.id, 10_000, reference="r1")
    again = town.refund(bought.value.id, 10_000, reference="r1")
    assert again.replayed
    with pytest.raises(RefundExceedsPurchase) as refusal:
        town.refund(bought.value.id, 10_000, reference="r2")
    assert refusal.value.facts["refundable"] == 0
    assert town.moves(member) == [("issuance", 100), ("reversal", -100)]
    town.check()


def test_many_small_refunds_take_as_much_as_one(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 999)
    for _ in range(9):
        town.refund(bought.value.id, 111)
    assert town.balance(member).available == 0
    assert sum(points for _, points in town.moves(member)) == 0
    town.check()


def test_a_line_comes_back_by_pieces(town: Town) -> None:
    member = town.member()
    items = (NewItem(line=1, amount=3_000, quantity=3), NewItem(line=2, amount=500))
    bought = town.buy(member, 3_500, items=items)
    refund = town.refund(bought.value.id, None, items=((1, 1),))
    assert (refund.value.amount.amount, refund.value.kept, refund.value.reversed) == (1_000, 25, 10)
    with pytest.raises(RefundExceedsPurchase):
        town.refund(bought.value.id, None, items=((1, 3),))
    with pytest.raises(InvalidInput):
        town.refund(bought.value.id, None, items=((7, 1),))
    town.check()


def test_expired_points_are_not_taken_back(make: Make) -> None:
    town = make(EXPIRING)
    member = town.member()
    bought = town.buy(member, 10_000)
    town.redeem(member, 40)
    town.pass_time(31 * DAY)
    assert town.moves(member)[-1] == ("expiry", -60)
    refund = town.refund(bought.value.id, 10_000).value
    assert (refund.reversed, refund.debt) == (0, 40)  # what was spent, not what expired
    town.check()


def test_points_whose_date_has_come_expire_before_a_refund_takes_any(make: Make) -> None:
    town = make(EXPIRING)
    member = town.member()
    bought = town.buy(member, 10_000)
    town.clock.forward(31 * DAY)  # nobody swept yet
    refund = town.refund(bought.value.id, 10_000).value
    assert (refund.reversed, refund.debt) == (0, 0)
    town.pass_time(DAY)
    assert town.balance(member).available == 0
    town.check()


def test_its_own_lot_goes_first(make: Make) -> None:
    town = make(EXPIRING)
    member = town.member()
    town.buy(member, 3_000)
    town.clock.forward(DAY)
    second = town.buy(member, 5_000)
    town.refund(second.value.id, 5_000)
    assert [(lot.points, lot.at) for lot in town.balance(member).expiring] == [
        (30, START + timedelta(days=30, hours=-1))
    ]  # the clocks changed
    town.check()


@pytest.mark.parametrize(("amount", "more"), [(0, {}), (-1, {}), (None, {}), (100, {"items": ((1, 1),)}), (2**60, {})])
def test_it_refuses_refunds_that_say_nothing_or_too_much(
    town: Town, amount: int | None, more: dict[str, object]
) -> None:
    bought = town.buy(town.member(), 10_000)
    with pytest.raises(InvalidInput):
        town.refund(bought.value.id, amount, **more)
    town.check()


def test_it_refuses_another_currency(town: Town) -> None:
    bought = town.buy(town.member(), 10_000)
    with pytest.raises(WrongCurrency):
        town.refund(bought.value.id, 100, currency="USD")


def test_a_refund_of_a_frozen_members_purchase_is_recorded(town: Town) -> None:
    from token_service.ledger.members import freeze

    member = town.member()
    bought = town.buy(member, 10_000)
    freeze(town.context, town.alice, member, "a doubt")
    assert town.refund(bought.value.id, 10_000).value.reversed == 100
    town.check()


def test_a_refund_names_the_store_of_its_purchase(town: Town) -> None:
    store = create_store(town.context, town.alice, NewStore("lyon", "Lyon"))
    bought = town.buy(town.member(), 10_000, store_id=store.id)
    (reversal,) = town.refund(bought.value.id, 5_000).entries
    assert (bought.entries[0].store_name, reversal.store_name) == ("Lyon", "Lyon")


def test_the_rest_comes_back_of_what_was_issued_after_a_refund_inside_the_window(make: Make) -> None:
    """Points of other purchases stay: what was cut before was never issued."""
    town = make(WINDOW)
    member = town.member()
    town.buy(member, 20_000)
    bought = town.buy(member, 10_000)
    assert town.refund(bought.value.id, 4_000).value.pending_cancelled == 40
    town.pass_time(15 * DAY)
    rest = town.refund(bought.value.id, 6_000).value
    assert (rest.kept, rest.reversed, rest.debt) == (0, 60, 0)
    assert town.moves(member) == [("issuance", 200), ("issuance", 60), ("reversal", -60)]
    town.check()
