"""Causes and donations over HTTP."""

from __future__ import annotations

from api_callers import done, new_reference, refused
from api_town import Town


def with_points(town: Town) -> str:
    member = town.alice.enrol()
    body = {"reference": new_reference(), "member_id": member["id"], "points": 100, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    return str(member["id"])


def test_a_cause_is_registered_given_to_and_ended(town: Town) -> None:
    cause = done(town.admin.post("/v1/causes", {"name": f"Refuge {new_reference()}"}), 201)
    assert (cause["object"], cause["is_open"], cause["donated"]) == ("cause", True, 0)
    member = with_points(town)
    body = {"reference": new_reference(), "member_id": member, "points": 60, "cause_id": cause["id"]}
    given = done(town.alice.post("/v1/donations", body), 201)
    assert (given["object"], given["points"], given["cause_name"]) == ("donation", 60, cause["name"])
    assert (given["entries"][0]["kind"], given["balance"]["available"]) == ("donation", 40)
    assert done(town.alice.post("/v1/donations", body), 200)["id"] == given["id"]
    assert done(town.alice.get(f"/v1/donations/{given['id']}"))["cause_id"] == cause["id"]
    found = done(town.alice.get("/v1/donations", reference=body["reference"]))
    assert [one["id"] for one in found["data"]] == [given["id"]]
    shown = {one["id"]: one for one in done(town.nobody.get("/v1/causes"))["data"]}
    assert (shown[cause["id"]]["donated"], shown[cause["id"]]["donations"]) == (60, 1)
    assert done(town.admin.post(f"/v1/causes/{cause['id']}/close", {}))["is_open"] is False
    refused(town.alice.post("/v1/donations", body | {"reference": new_reference(), "points": 1}), 409, "conflict")


def test_too_few_points_say_what_is_missing(town: Town) -> None:
    cause = done(town.admin.post("/v1/causes", {"name": f"Refuge {new_reference()}"}), 201)
    body = {"reference": new_reference(), "member_id": with_points(town), "points": 101, "cause_id": cause["id"]}
    assert refused(town.alice.post("/v1/donations", body), 409, "insufficient_balance")["missing_points"] == 1


def test_a_shop_registers_no_cause(town: Town) -> None:
    refused(town.alice.post("/v1/causes", {"name": "Mine"}), 403, "forbidden")


def test_a_gift_that_the_rules_forbid_says_why_without_giving(town: Town) -> None:
    body = {"reference": new_reference(), "member_id": with_points(town), "reward_id": "free-coffee"}
    seen = done(town.alice.post("/v1/simulations/donation", body))
    assert (seen["allowed"], seen["refusal"]["facts"]["reason"]) == (False, "gives_nothing")
    assert refused(town.alice.post("/v1/donations", body), 409, "reward_unavailable")["reason"] == "gives_nothing"
    nothing = {name: body[name] for name in ("reference", "member_id")}
    refused(town.alice.post("/v1/donations", nothing), 422, "invalid_input")
