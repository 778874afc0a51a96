"""Discounts, orders and prices by level over HTTP: a till need not read them from a name, and a refusal says what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from api_callers import RULESET, done, new_reference, refused
from api_town import Town, make_town

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucher
from token_service.ledger.vouchers import buy_reward

MORE = """
  - id: green
    kind: discount
    points: 10
    points_by_level: {gold: 6}
    discount: {percent: 10, up_to: 2000}
    categories: [PRODUCE]
    min_total: 2000
  - {id: five, kind: discount, points: 10, discount: {amount: 500}}
tiers:
  qualify_by: spend
  window: {kind: lifetime}
  levels: [{id: bronze, from: 0}, {id: gold, from: 50000}]
"""
TERMS = {
    "discount": {"amount": None, "percent": 10, "up_to": {"amount": 2000, "currency": "EUR"}},
    "categories": ["PRODUCE"],
    "skus": [],
    "min_total": {"amount": 2000, "currency": "EUR"},
    "cause": None,
    "funds": None,
    "seats": None,
}


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(tmp_path_factory.mktemp("green"), ruleset=RULESET.rstrip("\n") + MORE)


def order(total: int, *lines: tuple[str, int]) -> dict[str, Any]:
    items = [{"category": category, "amount": amount} for category, amount in lines]
    return {"total": {"amount": total, "currency": "EUR"}, "items": items}


BASKET = order(2_605, ("PRODUCE", 1_205), ("TOYS", 1_400))


def member_with(town: Town, cents: int) -> str:
    member = str(town.alice.enrol()["id"])
    town.alice.buy(member, cents)
    return member


def code_for(town: Town, member: str, reward: str = "green") -> str:
    bought = buy_reward(town.context, Actor.member(member), NewVoucher(new_reference(), reward, 10))
    return str(bought.value.code)


def test_the_catalogue_and_a_members_standing_say_terms_and_prices(green: Town) -> None:
    rewards = {one["id"]: one for one in done(green.alice.get("/v1/rewards"))["data"]}
    assert rewards["green"]["terms"] == TERMS
    assert (rewards["green"]["points"], rewards["green"]["points_by_level"]) == (10, {"gold": 6})
    assert rewards["five"]["terms"]["discount"] == {
        "amount": {"amount": 500, "currency": "EUR"},
        "percent": None,
        "up_to": None,
    }
    assert rewards["free-coffee"]["terms"]["discount"] is None
    for cents, points in ((2_000, 10), (60_000, 6)):
        member = member_with(green, cents)
        standing = {one["id"]: one for one in done(green.alice.get(f"/v1/members/{member}/rewards"))["data"]}
        assert (standing["green"]["points"], standing["green"]["terms"]) == (points, TERMS)


def test_a_voucher_is_checked_and_used_for_an_order(green: Town) -> None:
    code = code_for(green, member_with(green, 4_000))
    unsaid = done(green.alice.post("/v1/vouchers:check", {"code": code}))
    assert (unsaid["allowed"], unsaid["discount"], unsaid["voucher"]["terms"]) == (False, None, TERMS)
    assert unsaid["refusal"]["code"] == "reward_unavailable"
    assert unsaid["refusal"]["facts"] == {"reason": "order_needed", "categories": ["PRODUCE"], "min_total": 2000}
    checked = done(green.alice.post("/v1/vouchers:check", {"code": code, "order": BASKET}))
    assert (checked["allowed"], checked["discount"]) == (True, {"amount": 120, "currency": "EUR"})
    body = {"reference": new_reference(), "code": code, "order": BASKET}
    used = done(green.alice.post("/v1/vouchers:use", body), 201)
    assert used["discount"] == {"amount": 120, "currency": "EUR"}
    assert done(green.alice.post("/v1/vouchers:use", body), 200) == used
    assert done(green.alice.post("/v1/vouchers:check", {"code": code}))["voucher"]["discount"] == used["discount"]


def test_a_refusal_always_says_why_and_what_is_missing(green: Town) -> None:
    """The issue's sentence, for orders."""
    code = code_for(green, member_with(green, 4_000))
    for said, reason, missing in (
        (order(2_500), "items_needed", None),
        (order(2_500, ("TOYS", 2_500)), "other_category", None),
        (order(1_205, ("PRODUCE", 1_205)), "below_minimum", 795),
    ):
        body = {"reference": new_reference(), "code": code, "order": said}
        problem = refused(green.alice.post("/v1/vouchers:use", body), 409, "reward_unavailable")
        assert (problem["reason"], problem.get("missing_amount")) == (reason, missing)
    body = {"code": code, "order": BASKET | {"total": {"amount": 2_605, "currency": "USD"}}}
    refused(green.alice.post("/v1/vouchers:check", body), 422, "wrong_currency")


def test_a_line_of_an_order_may_be_a_purchases(green: Town) -> None:
    code = code_for(green, member_with(green, 4_000))
    line = {"line": 3, "sku": "A-1", "category": "PRODUCE", "quantity": 2, "amount": 2_100, "discount": 100, "tax": 110}
    said = {"total": {"amount": 2_100, "currency": "EUR"}, "items": [line]}
    assert done(green.alice.post("/v1/vouchers:check", {"code": code, "order": said}))["discount"]["amount"] == 210
    wrong = said | {"items": [line | {"amount": -1}]}
    problem = refused(green.alice.post("/v1/vouchers:check", {"code": code, "order": wrong}), 422, "invalid_input")
    assert [error["pointer"] for error in problem["errors"]] == ["/order/items/0/amount"]


def test_a_redemption_at_the_members_price_is_for_an_order_too(green: Town) -> None:
    member = member_with(green, 60_000)
    body = {"reference": new_reference(), "member_id": member, "reward_id": "green"}
    assert refused(green.alice.post("/v1/redemptions", body), 409, "reward_unavailable")["reason"] == "order_needed"
    body["order"] = BASKET
    simulated = done(green.alice.post("/v1/simulations/redemption", body))
    assert (simulated["redemption"]["points"], simulated["redemption"]["discount"]["amount"]) == (6, 120)
    redeemed = done(green.alice.post("/v1/redemptions", body), 201)
    assert (redeemed["points"], redeemed["discount"]) == (6, {"amount": 120, "currency": "EUR"})
    assert done(green.alice.get(f"/v1/redemptions/{redeemed['id']}"))["discount"] == redeemed["discount"]
