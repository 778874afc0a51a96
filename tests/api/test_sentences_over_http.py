"""Sentences of the brief's list about tills and shops, as they word them, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from api_callers import RULESET, Caller, done, new_reference, purchase, refused
from api_town import Town, make_town

from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewVoucher
from token_service.ledger.vouchers import buy_reward


def with_points(town: Town, points: int) -> str:
    member = town.alice.enrol()
    body = {"reference": new_reference(), "member_id": member["id"], "points": points, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    return str(member["id"])


def test_number_4_a_second_use_answers_409_and_names_the_first_use(town: Town) -> None:
    member = with_points(town, 100)
    bought = buy_reward(town.context, Actor.member(member), NewVoucher(new_reference(), "free-coffee", 100)).value
    first = {"reference": new_reference(), "code": bought.code}
    used = done(town.alice.post("/v1/vouchers:use", first), 201)
    town.clock.now += timedelta(minutes=3)
    again = refused(town.alice.post("/v1/vouchers:use", first | {"reference": new_reference()}), 409, "voucher_used")
    assert (again["reference"], again["used_at"]) == (first["reference"], used["used_at"])
    assert again["merchant_id"] == town.alice.merchant_id


def test_number_45_a_till_can_quote_hold_capture_or_release_points_and_an_abandoned_hold_releases_itself(
    town: Town,
) -> None:
    member = with_points(town, 300)
    asked = {"member_id": member, "points": 100}
    quoted = done(town.alice.post("/v1/simulations/redemption", {"reference": new_reference(), **asked}))
    assert quoted["redemption"]["value"] == {"amount": 1_000, "currency": "EUR"}
    captured, released, abandoned = (
        done(town.alice.post("/v1/holds", {"reference": new_reference(), "expires_in": "PT15M", **asked}), 201)
        for _ in range(3)
    )
    assert (abandoned["balance"]["available"], abandoned["balance"]["held"]) == (0, 300)
    refused(town.alice.post("/v1/redemptions", {"reference": new_reference(), **asked}), 409, "insufficient_balance")
    paid = done(town.alice.post(f"/v1/holds/{captured['id']}/capture", {"points": 60}), 201)
    assert (paid["points"], paid["balance"]["available"]) == (60, 40), "what was not taken is free at once"
    freed = done(town.alice.post(f"/v1/holds/{released['id']}/release", {}), 201)
    assert freed["balance"]["available"] == 140
    town.clock.now += timedelta(minutes=15)
    run_due(town.context)
    assert done(town.alice.get(f"/v1/holds/{abandoned['id']}"))["state"] == "expired"
    assert done(town.alice.get(f"/v1/members/{member}"))["balance"]["available"] == 240
    refused(town.alice.post(f"/v1/holds/{abandoned['id']}/capture", {}), 409, "hold_expired")


def test_number_54_scoped_keys_limits_velocity_checks_freeze_second_approver_above_a_threshold(tmp_path: Path) -> None:
    """Somebody has a till's key. What they can do with it is bounded at each step, and undoing it needs two people."""
    bounds = (
        "limits: {adjustment_points: 100, per_order_points: 50, velocity: {purchases: 2, every: PT1H, freeze: true}, "
    )
    town = make_town(tmp_path, RULESET.replace("limits: {", bounds))
    member = with_points(town, 10)
    key = done(town.admin.post("/v1/api-keys", {"name": "till 3", "scopes": ["purchases:write"],
                               "merchant_id": town.alice.merchant_id}), 201)  # fmt: skip
    stolen = Caller(town.app, key["key"])

    given = {"reference": new_reference(), "member_id": member, "points": 400, "reason": "a gift"}
    for path in ("/v1/issuances", "/v1/adjustments", "/v1/redemptions"):
        refused(stolen.post(path, given), 403, "forbidden")
    assert [stolen.buy(member, 900_000)["points"] for _ in range(3)] == [50, 50, 0], "an order's limit, then velocity"
    frozen = done(town.alice.get(f"/v1/members/{member}"))
    assert (frozen["frozen"], frozen["balance"]["available"]) == (True, 110)
    refused(stolen.post("/v1/purchases", purchase(member)), 409, "member_frozen")
    spent = {"reference": new_reference(), "member_id": member, "points": 100}
    refused(town.alice.post("/v1/redemptions", spent), 409, "member_frozen")

    done(town.admin.post(f"/v1/api-keys/{key['id']}/revoke", {}))
    refused(stolen.post("/v1/purchases", purchase(member)), 401, "unauthorized")
    done(town.admin.post(f"/v1/members/{member}/unfreeze", {"reason": "the key was stolen"}))
    wrong = {"reference": new_reference(), "member_id": member, "points": -101, "reason": "bought with a stolen key"}
    refused(town.admin.post("/v1/adjustments", wrong), 409, "approval_needed")
    asked = done(town.admin.post("/v1/adjustment-proposals", wrong), 201)
    approve = f"/v1/adjustment-proposals/{asked['id']}/approve"
    refused(town.admin.post(approve, {}), 403, "forbidden")
    second = Caller(town.app, done(town.admin.post("/v1/api-keys", {"name": "second person"}), 201)["key"])
    assert done(second.post(approve, {}), 201)["balance"]["available"] == 9
    town.context.store.dispose()
