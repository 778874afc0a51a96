"""Holds over HTTP: set aside, captured, released, over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from api_callers import done, new_reference, refused
from api_town import Town


def with_points(town: Town, points: int = 150) -> str:
    member = town.alice.enrol()
    body = {"reference": new_reference(), "member_id": member["id"], "points": points, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    return str(member["id"])


def wish(member_id: str, points: int = 120, **more: Any) -> dict[str, Any]:
    return {"reference": new_reference(), "member_id": member_id, "points": points} | more


def test_points_are_set_aside_and_a_part_of_them_captured(town: Town) -> None:
    member = with_points(town)
    body = wish(member)
    held = done(town.alice.post("/v1/holds", body), 201)
    assert (held["object"], held["state"], held["points"], held["expires_at"]) == (
        "hold",
        "open",
        120,
        "2026-11-22T12:15:00Z",
    )
    assert (held["entries"], held["balance"]["available"], held["balance"]["held"]) == ([], 30, 120)
    assert held["promise"] is not None
    assert done(town.alice.post("/v1/holds", body), 200)["id"] == held["id"]
    path = f"/v1/holds/{held['id']}"
    redeemed = done(town.alice.post(f"{path}/capture", {"points": 100}), 201)
    assert (redeemed["object"], redeemed["points"], redeemed["reference"]) == ("redemption", 100, body["reference"])
    assert (redeemed["balance"]["available"], redeemed["balance"]["held"]) == (50, 0)
    assert done(town.alice.post(f"{path}/capture", {"points": 100}), 200)["id"] == redeemed["id"]
    refused(town.alice.post(f"{path}/capture", {}), 409, "conflict")
    after = done(town.alice.get(path))
    assert (after["state"], after["captured"], after["redemption_id"]) == ("captured", 100, redeemed["id"])
    found = done(town.alice.get("/v1/holds", reference=body["reference"]))
    assert [item["id"] for item in found["data"]] == [held["id"]]
    back = done(town.alice.post(f"/v1/redemptions/{redeemed['id']}/reversals", {"reference": new_reference()}), 201)
    assert back["balance"]["available"] == 150


def test_a_hold_is_released_once_or_twice(town: Town) -> None:
    held = done(town.alice.post("/v1/holds", wish(with_points(town))), 201)
    for status in (201, 200):
        answer = done(town.alice.post(f"/v1/holds/{held['id']}/release", {}), status)
        assert (answer["state"], answer["balance"]["available"]) == ("released", 150)


def test_a_hold_whose_time_is_over_is_not_captured(town: Town) -> None:
    held = done(town.alice.post("/v1/holds", wish(with_points(town), expires_in="PT5M")), 201)
    town.clock.now += timedelta(minutes=5)
    refused(town.alice.post(f"/v1/holds/{held['id']}/capture", {}), 409, "hold_expired")


def test_what_is_held_is_missing_elsewhere(town: Town) -> None:
    member = with_points(town)
    done(town.alice.post("/v1/holds", wish(member)), 201)
    problem = refused(town.alice.post("/v1/redemptions", wish(member, 31)), 409, "insufficient_balance")
    assert problem["missing_points"] == 1


@pytest.mark.parametrize("lasting", ["PT0S", "P8D", "15 minutes", "P1M", "-PT5M", ""])
def test_how_long_is_checked(town: Town, lasting: str) -> None:
    problem = refused(town.alice.post("/v1/holds", wish(with_points(town), expires_in=lasting)), 422, "invalid_input")
    assert [place["pointer"] for place in problem["errors"]] == ["/expires_in"]
