"""Standing orders and renewals over HTTP."""

from __future__ import annotations

from api_callers import done, new_reference, refused
from api_town import Town


def with_points(town: Town, points: int = 300) -> str:
    member = town.alice.enrol()
    body = {"reference": new_reference(), "member_id": member["id"], "points": points, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    return str(member["id"])


def test_billing_uses_what_the_member_allowed_and_answers_a_retry_the_same(town: Town) -> None:
    member = with_points(town)
    path = f"/v1/members/{member}/standing-order"
    assert done(town.alice.get(path)) == {"object": "standing_order", "member_id": member, "points": 0, "set_at": None}
    assert done(town.alice.put(path, {"points": 120}))["points"] == 120
    body = {"reference": new_reference(), "member_id": member, "amount": 1_490}
    first = done(town.alice.post("/v1/renewals", body), 201)
    assert (first["points"], first["why_none"]) == (120, None)
    assert first["to_pay"] == {"amount": 290, "currency": "EUR"}
    assert done(town.alice.post("/v1/renewals", body), 201) == first
    assert done(town.alice.get("/v1/renewals", reference=body["reference"]))["data"] == [first]
    assert done(town.alice.get(f"/v1/renewals/{first['id']}")) == first
    redeemed = done(town.alice.get(f"/v1/redemptions/{first['redemption_id']}"))
    assert (redeemed["reference"], redeemed["points"]) == (body["reference"], 120)
    refused(town.alice.post("/v1/renewals", body | {"amount": 1_500}), 409, "reference_conflict")
    refused(town.alice.post("/v1/renewals", body | {"external_id": "alice"}), 422, "invalid_input")


def test_an_order_ends_with_0_and_is_the_members_merchants_to_set(town: Town) -> None:
    member = with_points(town)
    path = f"/v1/members/{member}/standing-order"
    done(town.alice.put(path, {"points": 120}))
    assert done(town.alice.put(path, {"points": 0}))["set_at"] is None
    refused(town.alice.put(path, {"points": -1}), 422, "invalid_input")
    refused(town.charlie.put(path, {"points": 5}), 404, "not_found")
    body = {"reference": new_reference(), "member_id": member, "amount": 1_490}
    assert done(town.alice.post("/v1/renewals", body), 201)["why_none"] == "no_standing_order"
