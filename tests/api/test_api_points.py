"""Issuances, redemptions, reversals and adjustments over HTTP."""

from __future__ import annotations

from api_callers import done, new_reference, refused
from api_town import Town


def issue(member_id: str, points: int, **more: object) -> dict[str, object]:
    return {
        "reference": new_reference(),
        "member_id": member_id,
        "points": points,
        "reason": "a parcel came late",
        **more,
    }


def spend(member_id: str, **more: object) -> dict[str, object]:
    return {"reference": new_reference(), "member_id": member_id, **more}


def test_points_are_issued_by_hand_with_a_reason(town: Town) -> None:
    member = town.alice.enrol()
    answer = done(town.alice.post("/v1/issuances", issue(member["id"], 50)), 201)
    assert (answer["object"], answer["points"], answer["reason"]) == ("issuance", 50, "a parcel came late")
    assert answer["balance"]["available"] == 50
    assert [entry["points"] for entry in answer["entries"]] == [50]
    assert answer["promise"]["entry_id"] == answer["entries"][0]["id"]
    assert done(town.alice.get(f"/v1/issuances/{answer['id']}"))["reversed"] == 0
    found = done(town.alice.get("/v1/issuances", reference=answer["reference"]))
    assert [item["id"] for item in found["data"]] == [answer["id"]]


def test_issuing_beyond_the_rulesets_limit_is_refused_with_the_limit(town: Town) -> None:
    problem = refused(town.alice.post("/v1/issuances", issue(town.alice.enrol()["id"], 5001)), 409, "limit_exceeded")
    assert problem["limit"] == 5000


def test_issuing_beyond_the_merchants_ceiling_is_refused_until_the_window_ends(town: Town) -> None:
    shop = town.merchant("Tight", ceiling_points=100, ceiling_period_seconds=86_400)
    member = shop.enrol()
    done(shop.post("/v1/issuances", issue(member["id"], 90)), 201)
    problem = refused(shop.post("/v1/issuances", issue(member["id"], 11)), 409, "ceiling_reached")
    assert (problem["ceiling"], problem["remaining"]) == (100, 10)
    assert problem["available_at"] == "2026-11-23T00:00:00Z"
    assert shop.balance(member["id"])["available"] == 90


def test_an_issuance_is_taken_back_in_parts_and_never_beyond_it(town: Town) -> None:
    member = town.alice.enrol()
    made = done(town.alice.post("/v1/issuances", issue(member["id"], 50)), 201)
    path = f"/v1/issuances/{made['id']}/reversals"
    part = {"reference": new_reference(), "points": 20, "reason": "typed twice"}
    reversal = done(town.alice.post(path, part), 201)
    assert (reversal["object"], reversal["kind"], reversal["reversed"]) == ("reversal", "reversal", 20)
    assert reversal["original_id"] == made["id"]
    assert done(town.alice.post(path, part), 200)["id"] == reversal["id"]
    rest = done(town.alice.post(path, {"reference": new_reference()}), 201)
    assert rest["reversed"] == 30
    assert rest["balance"]["available"] == 0
    refused(town.alice.post(path, {"reference": new_reference()}), 409, "already_reversed")


def test_points_are_spent_as_an_amount(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 50_000)
    answer = done(town.alice.post("/v1/redemptions", spend(member["id"], points=120)), 201)
    assert (answer["object"], answer["points"]) == ("redemption", 120)
    assert answer["value"] == {"amount": 1200, "currency": "EUR"}
    assert answer["balance"]["available"] == 380
    assert [entry["points"] for entry in answer["entries"]] == [-120]


def test_points_buy_a_reward_at_its_price(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 50_000)
    answer = done(town.alice.post("/v1/redemptions", spend(member["id"], reward_id="free-coffee")), 201)
    assert (answer["points"], answer["reward_id"]) == (100, "free-coffee")


def test_an_unknown_reward_is_not_available(town: Town) -> None:
    member = town.alice.enrol()
    refused(town.alice.post("/v1/redemptions", spend(member["id"], reward_id="yacht")), 409, "reward_unavailable")


def test_a_redemption_is_points_or_a_reward(town: Town) -> None:
    member = town.alice.enrol()
    refused(town.alice.post("/v1/redemptions", spend(member["id"])), 422, "invalid_input")
    both = spend(member["id"], points=1, reward_id="free-coffee")
    refused(town.alice.post("/v1/redemptions", both), 422, "invalid_input")


def test_spending_more_than_there_is_says_what_is_missing_and_moves_nothing(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 5000)
    problem = refused(town.alice.post("/v1/redemptions", spend(member["id"], points=80)), 409, "insufficient_balance")
    assert (problem["available"], problem["missing_points"]) == (50, 30)
    assert town.alice.balance(member["id"])["available"] == 50


def test_a_simulated_redemption_says_what_is_missing(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 5000)
    simulation = done(town.alice.post("/v1/simulations/redemption", spend(member["id"], reward_id="free-coffee")))
    assert simulation["allowed"] is False
    assert simulation["redemption"] is None
    assert simulation["refusal"]["code"] == "insufficient_balance"
    assert simulation["refusal"]["facts"]["missing_points"] == 50
    allowed = done(town.alice.post("/v1/simulations/redemption", spend(member["id"], points=50)))
    assert (allowed["allowed"], allowed["redemption"]["points"]) == (True, 50)
    assert town.alice.balance(member["id"])["available"] == 50


def test_a_redemption_is_given_back(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 5000)
    made = done(town.alice.post("/v1/redemptions", spend(member["id"], points=40)), 201)
    body = {"reference": new_reference(), "points": 15, "reason": "one cup was cold"}
    restored = done(town.alice.post(f"/v1/redemptions/{made['id']}/reversals", body), 201)
    assert (restored["kind"], restored["reversed"], restored["balance"]["available"]) == ("restoration", 15, 25)
    assert done(town.alice.get(f"/v1/redemptions/{made['id']}"))["reversed"] == 15
    too_much = {"reference": new_reference(), "points": 26}
    assert town.alice.post(f"/v1/redemptions/{made['id']}/reversals", too_much).status_code in (409, 422)


def test_a_foreign_redemption_or_issuance_does_not_exist(town: Town) -> None:
    member = town.alice.enrol()
    issued = done(town.alice.post("/v1/issuances", issue(member["id"], 50)), 201)
    spent = done(town.alice.post("/v1/redemptions", spend(member["id"], points=10)), 201)
    for path in (f"/v1/issuances/{issued['id']}", f"/v1/redemptions/{spent['id']}"):
        refused(town.charlie.get(path), 404, "not_found")
        refused(town.charlie.post(f"{path}/reversals", {"reference": new_reference()}), 404, "not_found")


def test_an_admin_adjusts_a_balance_both_ways_and_is_named(town: Town) -> None:
    member = town.alice.enrol()
    up = done(town.admin.post("/v1/adjustments", issue(member["id"], 70)), 201)
    assert (up["object"], up["points"], up["balance"]["available"]) == ("adjustment", 70, 70)
    assert up["actor"].startswith("key_")
    down = done(town.admin.post("/v1/adjustments", issue(member["id"], -30)), 201)
    assert down["balance"]["available"] == 40
    refused(town.admin.post("/v1/adjustments", issue(member["id"], -41)), 409, "insufficient_balance")
    refused(town.admin.post("/v1/adjustments", issue(member["id"], 0)), 422, "invalid_input")


def test_a_merchant_does_not_adjust(town: Town) -> None:
    refused(town.alice.post("/v1/adjustments", issue(town.alice.enrol()["id"], 1)), 403, "forbidden")


def test_an_entry_shows_where_it_stands(town: Town) -> None:
    member = town.alice.enrol()
    entry = town.alice.buy(member["id"])["entries"][0]
    shown = done(town.alice.get(f"/v1/entries/{entry['id']}"))
    assert shown["settlement"] == {
        "state": "accepted",
        "operator": None,
        "seq": None,
        "index": None,
        "transaction_hash": None,
        "block_number": None,
    }
    refused(town.charlie.get(f"/v1/entries/{entry['id']}"), 404, "not_found")
    refused(town.alice.get(f"/v1/entries/{entry['id']}/receipt"), 404, "not_found")
