"""Corrections with two keys over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_callers import RULESET, Caller, done, new_reference, refused
from api_town import Town, make_town


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Town, Caller]]:
    """A programme with a limit, and a second admin's key."""
    town = make_town(tmp_path, RULESET.replace("limits: {", "limits: {adjustment_points: 100, "))
    other = done(town.admin.post("/v1/api-keys", {"name": "second person"}), 201)
    yield town, Caller(town.app, other["key"])
    town.context.store.dispose()


def test_one_key_proposes_and_another_approves(two: tuple[Town, Caller]) -> None:
    town, other = two
    member = town.alice.enrol()["id"]
    body = {"reference": new_reference(), "member_id": member, "points": 500, "reason": "lost receipts of March"}
    assert refused(town.admin.post("/v1/adjustments", body), 409, "approval_needed")["limit"] == 100
    made = done(town.admin.post("/v1/adjustment-proposals", body), 201)
    assert (made["object"], made["state"], made["points"]) == ("proposal", "open", 500)
    path = f"/v1/adjustment-proposals/{made['id']}"
    refused(town.admin.post(f"{path}/approve", {}), 403, "forbidden")
    assert made["id"] in [one["id"] for one in done(other.get("/v1/adjustment-proposals"))["data"]]
    adjusted = done(other.post(f"{path}/approve", {}), 201)
    assert (adjusted["object"], adjusted["points"], adjusted["balance"]["available"]) == ("adjustment", 500, 500)
    assert done(other.post(f"{path}/approve", {}), 200)["id"] == adjusted["id"]
    assert done(town.admin.get(path))["adjustment_id"] == adjusted["id"]


def test_a_proposal_is_declined(two: tuple[Town, Caller]) -> None:
    town, other = two
    body = {"reference": new_reference(), "member_id": town.alice.enrol()["id"], "points": 500, "reason": "a guess"}
    made = done(town.admin.post("/v1/adjustment-proposals", body), 201)
    path = f"/v1/adjustment-proposals/{made['id']}"
    assert done(other.post(f"{path}/decline", {}))["state"] == "declined"
    refused(other.post(f"{path}/approve", {}), 409, "conflict")


def test_more_points_than_one_key_may_move_need_another_one(two: tuple[Town, Caller]) -> None:
    town, other = two
    old, kept = town.alice.enrol()["id"], town.alice.enrol()["id"]
    body = {"reference": new_reference(), "member_id": old, "points": 180, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    merge = {"into": kept, "reason": "the same passport"}
    for _ in range(2):
        waits = done(town.admin.post(f"/v1/members/{old}/merge", merge), 202)
        assert waits == {"object": "merge_request", "member_id": old, "into": kept}
    assert done(town.alice.get(f"/v1/members/{kept}/balance"))["available"] == 0
    stays = done(other.post(f"/v1/members/{old}/merge", merge))
    assert (stays["id"], stays["balance"]["available"]) == (kept, 180)
