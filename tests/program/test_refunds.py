"""What a purchase keeps after refunds. "Refund keeps the points" is the oldest hole in loyalty systems (odoo PR 257854)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from token_service.errors import InvalidInput, RefundExceedsPurchase
from token_service.program.earning import Award, decide_purchase
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import (
    LineRefund,
    Refund,
    check_refund,
    keep_after_refund,
    refundable,
    resolve_line,
    to_take_back,
)
from token_service.program.ruleset import Ruleset

from .baskets import BASE, item, purchase, purchases, refunds_of, ruleset_of, rulesets


def kept(ruleset: Ruleset, facts: PurchaseFacts, *refunds: Refund) -> int:
    return keep_after_refund(ruleset, facts, refunds).points


def test_without_refunds_it_keeps_its_award() -> None:
    assert keep_after_refund(ruleset_of(), purchase(2390), ()) == decide_purchase(ruleset_of(), purchase(2390))


def test_a_partial_refund_keeps_what_the_rest_earns() -> None:
    assert kept(ruleset_of(), purchase(2390), Refund(1000)) == 13
    assert kept(ruleset_of(), purchase(2390), Refund(500), Refund(500)) == 13


def test_a_full_refund_keeps_nothing_whatever_the_campaigns() -> None:
    ruleset = ruleset_of(campaigns=[{"id": "gift", "award": {"points": 50}}])
    assert kept(ruleset, purchase(2390), Refund(1)) == 73
    assert keep_after_refund(ruleset, purchase(2390), (Refund(2390),)) == Award(0, ())


def test_a_refund_below_the_threshold_loses_the_bonus() -> None:
    ruleset = ruleset_of(campaigns=[{"id": "big", "when": "order.total >= 5000", "award": {"points": 20}}])
    facts = purchase(6000)
    assert [kept(ruleset, facts, Refund(amount)) for amount in (1000, 1001)] == [70, 49]


def test_a_refund_never_wins_a_bonus() -> None:
    ruleset = ruleset_of(campaigns=[{"id": "small", "when": "order.total < 5000", "award": {"points": 500}}])
    assert kept(ruleset, purchase(6000), Refund(1001)) == 49


def test_a_bonus_once_lost_does_not_come_back() -> None:
    ruleset = ruleset_of(campaigns=[{"id": "odd", "when": "order.total % 2 == 0", "award": {"points": 500}}])
    facts = purchase(6000)
    assert [kept(ruleset, facts, *[Refund(1)] * count) for count in range(4)] == [560, 59, 59, 59]


def test_lines_that_come_back_lose_their_own_points() -> None:
    ruleset = ruleset_of(
        earning=[BASE, {"id": "coffee", "kind": "item", "points": 5, "per_quantity": 1, "skus": ["COFFEE"]}],
        campaigns=[{"id": "fresh", "when": '"PRODUCE" in order.categories', "award": {"points": 9}}],
    )
    facts = purchase(items=(item(1, 900, sku="COFFEE", quantity=3), item(2, 500, category="PRODUCE")))
    assert kept(ruleset, facts) == 14 + 15 + 9
    assert kept(ruleset, facts, Refund(0, (LineRefund(1, 1, 300),))) == 11 + 10 + 9
    assert kept(ruleset, facts, Refund(0, (LineRefund(2, 1, 500),))) == 9 + 15
    assert kept(ruleset, facts, Refund(0, (LineRefund(1, 3, 900), LineRefund(2, 1, 500)))) == 0


def test_money_that_names_no_line_shrinks_all_lines_alike() -> None:
    rule = {"id": "coffee", "kind": "item", "points": 10, "per_quantity": 1, "skus": ["COFFEE"]}
    facts = purchase(items=(item(1, 1000, sku="COFFEE", quantity=2), item(2, 1000)))
    assert kept(ruleset_of(earning=[rule]), facts, Refund(1000)) == 10


def test_free_pieces_go_with_the_money_of_the_rest() -> None:
    rule = {"id": "gift", "kind": "item", "points": 10, "per_quantity": 1, "skus": ["GIFT"]}
    facts = purchase(500, items=(item(1, 0, sku="GIFT", quantity=2),), shipping=500)
    assert kept(ruleset_of(earning=[rule]), facts) == 20
    assert kept(ruleset_of(earning=[rule]), facts, Refund(0, (LineRefund(1, 1, 0),))) == 10
    assert kept(ruleset_of(earning=[rule]), facts, Refund(100)) == 0
    assert kept(ruleset_of(earning=[rule]), facts, Refund(0, (LineRefund(1, 2, 0),))) == 0


def test_shipping_goes_last() -> None:
    ruleset = ruleset_of(earning=[{**BASE, "basis": "goods"}])
    facts = purchase(5500, items=(item(1, 5000),), shipping=500)
    assert kept(ruleset, facts, Refund(4000)) == 10
    assert kept(ruleset, facts, Refund(0, (LineRefund(1, 1, 5000),))) == 0


def test_when_every_piece_is_back_nothing_is_kept_even_if_money_was_withheld() -> None:
    facts = purchase(5500, items=(item(1, 5000),), shipping=500)
    assert kept(ruleset_of(), facts, Refund(0, (LineRefund(1, 1, 4000),))) == 0


def test_net_of_tax_shrinks_in_proportion() -> None:
    ruleset = ruleset_of(earning=[{**BASE, "basis": "net"}])
    assert kept(ruleset, purchase(1200, tax=200)) == 10
    assert kept(ruleset, purchase(1200, tax=200), Refund(600)) == 5


def test_pieces_cost_their_share_of_what_was_paid() -> None:
    facts = purchase(1000, items=(item(1, 1000, quantity=3), item(2, 1000)), discount=1000)
    first = resolve_line(facts, (), line=1, quantity=1, amount=None)
    assert first == LineRefund(1, 1, 166)
    rest = resolve_line(facts, (Refund(0, (first,)),), line=1, quantity=2, amount=None)
    assert rest == LineRefund(1, 2, 334)
    assert resolve_line(facts, (), line=1, quantity=1, amount=120) == LineRefund(1, 1, 120)


def test_it_refuses_unknown_lines_and_pieces_that_were_not_bought() -> None:
    facts = purchase(items=(item(1, 1000, quantity=2),))
    with pytest.raises(InvalidInput):
        resolve_line(facts, (), line=2, quantity=1, amount=None)
    with pytest.raises(RefundExceedsPurchase):
        resolve_line(facts, (Refund(0, (LineRefund(1, 1, 0),)),), line=1, quantity=2, amount=None)


@pytest.mark.parametrize(
    "refund",
    [
        Refund(2001),
        Refund(1500, (LineRefund(1, 1, 501),)),
        Refund(0, (LineRefund(1, 3, 0),)),
        Refund(0, (LineRefund(1, 1, 0), LineRefund(1, 2, 0))),
    ],
)
def test_it_refuses_to_give_back_more_than_was_bought(refund: Refund) -> None:
    with pytest.raises(RefundExceedsPurchase):
        check_refund(purchase(items=(item(1, 2000, quantity=2),)), (), refund)


@pytest.mark.parametrize(
    "refund", [Refund(0), Refund(-1), Refund(0, (LineRefund(1, 0, 0),)), Refund(0, (LineRefund(9, 1, 0),))]
)
def test_it_refuses_a_refund_of_nothing_or_of_no_line(refund: Refund) -> None:
    with pytest.raises(InvalidInput):
        check_refund(purchase(items=(item(1, 2000, quantity=2),)), (), refund)


def test_the_refusal_says_what_is_left() -> None:
    with pytest.raises(RefundExceedsPurchase) as refused:
        check_refund(purchase(2000), (Refund(1500),), Refund(501))
    assert refused.value.facts == {"refundable": 500}


@given(st.data(), rulesets(), purchases())
@settings(max_examples=300)
def test_more_refunded_never_keeps_more(data: st.DataObject, ruleset: Ruleset, facts: PurchaseFacts) -> None:
    refunds = data.draw(refunds_of(facts))
    points = [keep_after_refund(ruleset, facts, refunds[:count]).points for count in range(len(refunds) + 1)]
    assert points[0] == decide_purchase(ruleset, facts).points
    assert points == sorted(points, reverse=True)
    assert points[-1] >= 0


@given(st.data(), rulesets(), purchases())
def test_giving_everything_back_keeps_nothing(data: st.DataObject, ruleset: Ruleset, facts: PurchaseFacts) -> None:
    refunds = data.draw(refunds_of(facts))
    room = refundable(facts, refunds)
    assert room >= 0
    if facts.total:
        assert keep_after_refund(ruleset, facts, (*refunds, Refund(room))).points == 0


@given(st.data(), purchases())
def test_what_the_strategy_draws_is_accepted_and_survives_json(data: st.DataObject, facts: PurchaseFacts) -> None:
    refunds = data.draw(refunds_of(facts))
    for count, refund in enumerate(refunds):
        check_refund(facts, refunds[:count], refund)
        assert Refund.from_json(json.loads(json.dumps(refund.to_json()))) == refund


@given(rulesets(), st.integers(1, 50_000), st.integers(0, 50_000), st.integers(0, 50_000))
def test_larger_refunds_keep_less_whatever_the_split(ruleset: Ruleset, total: int, first: int, second: int) -> None:
    first, second = sorted((min(first, total), min(second, total)))
    facts = purchase(total)
    if not ruleset.campaigns:
        assert kept(ruleset, facts, Refund(second)) <= kept(ruleset, facts, Refund(first))
        assert kept(ruleset, facts, Refund(first), Refund(second - first)) == kept(ruleset, facts, Refund(second))


@pytest.mark.parametrize(
    ("kept_points", "expired", "taken", "back"),
    [
        (100, 0, 0, 0),
        (40, 0, 0, 60),
        (40, 0, 60, 0),
        (0, 60, 0, 40),  # 60 of its points expired: those are not taken a second time
        (50, 60, 0, 40),
        (0, 60, 40, 0),
        (0, 100, 0, 0),
    ],
)
def test_points_that_expired_are_not_taken_back(kept_points: int, expired: int, taken: int, back: int) -> None:
    assert to_take_back(awarded=100, kept=kept_points, expired=expired, taken=taken) == back
    assert to_take_back(awarded=100, kept=0) == 100
