"""Vouchers used for an order: what comes off it, why not, and that a use keeps what came off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledger_town import ADMIN, Make, Town, rules

from token_service.errors import InvalidInput, ReferenceConflict, RewardUnavailable, WrongCurrency
from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewOrder, NewRedemption, NewReversal, NewVoucher, NewVoucherUse
from token_service.ledger.orders import content_of
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.redemptions import redeem, restore
from token_service.ledger.vouchers import buy_reward, check_voucher, list_vouchers, use_voucher

REWARDS = """
  - {id: five, kind: discount, points: 10, discount: {amount: 500}}
  - {id: tenth, kind: discount, points: 10, discount: {percent: 10, up_to: 2000}, categories: [PRODUCE, MEAT], min_total: 2000}
  - {id: cake, kind: gift, points: 10, skus: [CAKE-1]}
"""
BASKET = (NewItem(1, 1_205, category="PRODUCE"), NewItem(2, 1_400, category="TOYS"))


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(rewards=REWARDS))


@pytest.fixture
def member(town: Town) -> str:
    member_id = town.member()
    town.issue(member_id, 250)
    return member_id


def bought(town: Town, member: str, reward: str) -> str:
    made = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), reward, 10))
    return str(made.value.code)


def check(town: Town, code: str, order: NewOrder | None = None) -> views.VoucherCheck:
    return check_voucher(town.context, town.alice, code, order=order)


def use(town: Town, code: str, order: NewOrder | None = None, **more: Any) -> views.VoucherUse:
    return use_voucher(
        town.context, town.alice, NewVoucherUse(**{"reference": town.reference(), "code": code, "order": order} | more)
    )


def test_the_check_says_what_comes_off_and_what_it_is_for(town: Town, member: str) -> None:
    code = bought(town, member, "tenth")
    found = check(town, code, NewOrder(2_605, "EUR", BASKET))
    assert (found.refusal, found.discount) == (None, views.Money(120, "EUR"))
    terms = found.voucher.terms
    assert (terms.categories, terms.skus, terms.min_total) == (("PRODUCE", "MEAT"), (), views.Money(2_000, "EUR"))
    assert terms.discount is not None
    assert (terms.discount.amount, terms.discount.percent, terms.discount.up_to) == (
        None,
        10,
        views.Money(2_000, "EUR"),
    )


@pytest.mark.parametrize(
    ("reward", "order", "facts"),
    [
        ("tenth", None, {"reason": "order_needed", "categories": ["PRODUCE", "MEAT"], "min_total": 2_000}),
        ("tenth", NewOrder(3_000), {"reason": "items_needed", "categories": ["PRODUCE", "MEAT"], "min_total": 2_000}),
        (
            "tenth",
            NewOrder(1_205, items=BASKET[:1]),
            {"reason": "below_minimum", "categories": ["PRODUCE", "MEAT"], "min_total": 2_000, "missing_amount": 795},
        ),
        ("cake", NewOrder(2_605, items=BASKET), {"reason": "other_category", "skus": ["CAKE-1"]}),
    ],
)
def test_number_11_a_voucher_outside_its_orders_is_refused_with_a_reason_and_stays_open(
    town: Town, member: str, reward: str, order: NewOrder | None, facts: dict[str, object]
) -> None:
    """ "A reward bound to a category and a date range is refused outside either, with a reason code." """
    code = bought(town, member, reward)
    found = check(town, code, order)
    assert (found.refusal, dict(found.facts), found.discount) == ("reward_unavailable", facts, None)
    with pytest.raises(RewardUnavailable) as refused:
        use(town, code, order)
    assert refused.value.facts == facts
    assert check(town, code).voucher.state == "open"


def test_a_use_keeps_what_came_off_and_a_repeated_call_answers_the_same(town: Town, member: str) -> None:
    code = bought(town, member, "tenth")
    reference = town.reference()
    first = use(town, code, NewOrder(2_605, items=BASKET), reference=reference)
    assert first.voucher.discount == views.Money(120, "EUR")
    again = use(town, code, None, reference=reference)
    assert (again.replayed, again.voucher) == (True, first.voucher)
    assert list_vouchers(town.context, Actor.member(member))[0].discount == views.Money(120, "EUR")
    assert check_voucher(town.context, town.charlie, code).voucher.discount is None, (
        "another shop's order is not its business"
    )
    assert check_rebuild(town.context) == []
    rebuild(town.context)
    assert check(town, code).voucher.discount == views.Money(120, "EUR")
    town.check()


def test_a_fixed_discount_never_takes_off_more_than_the_order(town: Town, member: str) -> None:
    assert use(town, bought(town, member, "five"), NewOrder(320)).voucher.discount == views.Money(320, "EUR")
    assert use(town, bought(town, member, "five"), NewOrder(9_000)).voucher.discount == views.Money(500, "EUR")


def test_a_reward_for_every_order_needs_none(town: Town, member: str) -> None:
    code = bought(town, member, "five")
    assert (check(town, code).refusal, check(town, code).discount) == (None, None)
    assert use(town, code).voucher.discount is None


def test_a_gift_of_some_goods_takes_nothing_off(town: Town, member: str) -> None:
    used = use(town, bought(town, member, "cake"), NewOrder(900, items=(NewItem(1, 900, sku="CAKE-1"),)))
    assert (used.voucher.state, used.voucher.discount) == ("used", None)


def test_a_voucher_given_back_says_so_before_it_asks_for_an_order(town: Town, member: str) -> None:
    made = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "tenth", 10)).value
    assert made.redemption_id is not None
    restore(town.context, ADMIN, made.redemption_id, NewReversal(town.reference()))
    assert check(town, str(made.code)).refusal == "voucher_cancelled"


def test_an_order_in_other_money_or_with_impossible_lines_is_refused_at_its_place(town: Town, member: str) -> None:
    code = bought(town, member, "tenth")
    with pytest.raises(WrongCurrency):
        use(town, code, NewOrder(2_605, "USD", BASKET))
    with pytest.raises(InvalidInput) as refused:
        check(town, code, NewOrder(2_605, "EUR", (NewItem(1, -5, category="MEAT"),)))
    assert [place.pointer for place in refused.value.places] == ["/order/items/0/amount"]


def test_a_redemption_at_the_till_is_for_an_order_too(town: Town, member: str) -> None:
    with pytest.raises(RewardUnavailable) as refused:
        town.redeem(member, None, reward_id="tenth")
    assert refused.value.facts["reason"] == "order_needed"
    new = NewRedemption(town.reference(), member, reward_id="tenth", order=NewOrder(2_605, "EUR", BASKET))
    done = redeem(town.context, town.alice, new)
    assert done.value.discount == views.Money(120, "EUR")
    assert redeem(town.context, town.alice, new).value == done.value
    with pytest.raises(ReferenceConflict):
        redeem(town.context, town.alice, replace(new, order=NewOrder(9_000, "EUR", BASKET)))
    with pytest.raises(InvalidInput):
        town.redeem(member, 5, order=NewOrder(100))
    assert check_rebuild(town.context) == []
    town.check()


def test_a_redemption_without_an_order_has_the_content_it_always_had() -> None:
    new = NewRedemption("r-1", "mem_1", reward_id="five", merchant_id="mrc_1")
    assert content_of(new) == {
        "reference": "r-1",
        "member_id": "mem_1",
        "points": None,
        "reward_id": "five",
        "merchant_id": "mrc_1",
    }
