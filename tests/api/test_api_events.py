"""Events over HTTP: sent once, answered with their breakdown, simulated, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from api_callers import done, new_reference, refused
from api_town import Town


def event(member_id: str, **more: Any) -> dict[str, Any]:
    given = {
        "reference": new_reference(),
        "member_id": member_id,
        "type": "review.written",
        "occurred_at": "2026-11-22T11:58:00Z",
    }
    return given | more


def test_an_event_answers_with_what_it_earned_and_why(town: Town) -> None:
    member = town.alice.enrol()
    answer = done(town.alice.post("/v1/events", event(member["id"], subject="tea")), 201)
    assert (answer["object"], answer["type"], answer["subject"], answer["points"]) == (
        "event",
        "review.written",
        "tea",
        20,
    )
    assert answer["breakdown"] == [{"rule": "review", "points": 20, "why": "20 points for review.written"}]
    assert answer["balance"]["available"] == 20
    assert answer["promise"]["entry_id"] == answer["entries"][0]["id"]
    assert done(town.alice.get(f"/v1/events/{answer['id']}"))["reversed"] == 0
    found = done(town.alice.get("/v1/events", reference=answer["reference"]))
    assert [item["id"] for item in found["data"]] == [answer["id"]]
    assert done(town.alice.get("/v1/events", reference="never"))["data"] == []


def test_the_same_reference_is_answered_again_and_other_content_is_a_conflict(town: Town) -> None:
    body = event(town.alice.enrol()["id"])
    first = done(town.alice.post("/v1/events", body), 201)
    again = town.alice.post("/v1/events", body)
    assert done(again, 200)["id"] == first["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    problem = refused(town.alice.post("/v1/events", body | {"subject": "coffee"}), 409, "reference_conflict")
    assert problem["existing_id"] == first["id"]


def test_one_that_no_rule_is_for_is_recorded_with_an_empty_breakdown(town: Town) -> None:
    answer = done(town.alice.post("/v1/events", event(town.alice.enrol()["id"], type="door.opened")), 201)
    assert (answer["points"], answer["breakdown"], answer["entries"]) == (0, [], [])
    assert answer["promise"] is not None


def test_a_simulation_says_what_it_would_earn(town: Town) -> None:
    member = town.alice.enrol()
    answer = done(town.alice.post("/v1/simulations/event", event(member["id"])))
    assert (answer["allowed"], answer["event"]["points"]) == (True, 20)
    assert town.alice.balance(member["id"])["available"] == 0


def test_a_false_one_is_taken_back_whole(town: Town) -> None:
    member = town.alice.enrol()
    made = done(town.alice.post("/v1/events", event(member["id"])), 201)
    path = f"/v1/events/{made['id']}/reversals"
    refused(town.alice.post(path, {"reference": new_reference(), "points": 5}), 422, "invalid_input")
    reversal = done(town.alice.post(path, {"reference": new_reference(), "reason": "not a customer"}), 201)
    assert (reversal["object"], reversal["original_id"], reversal["reversed"]) == ("reversal", made["id"], 20)
    refused(town.alice.post(path, {"reference": new_reference()}), 409, "already_reversed")
    assert town.alice.balance(member["id"])["available"] == 0


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"type": "Review Written"}, "/type"),
        ({"type": "member.joined"}, "/type"),
        ({"type": "a..b"}, "/type"),
        ({"subject": ""}, "/subject"),
        ({"external_id": "both"}, "/member_id"),
        ({"occurred_at": "yesterday"}, "/occurred_at"),
        ({"rating": 5}, ""),
    ],
)
def test_bad_input_is_named_by_its_place(town: Town, change: dict[str, Any], pointer: str) -> None:
    body = event(town.alice.enrol()["id"]) | change
    problem = refused(town.alice.post("/v1/events", body), 422, "invalid_input")
    assert pointer in [place["pointer"] for place in problem["errors"]]


def test_a_foreign_event_is_not_found(town: Town) -> None:
    made = done(town.alice.post("/v1/events", event(town.alice.enrol()["id"])), 201)
    refused(town.charlie.get(f"/v1/events/{made['id']}"), 404, "not_found")
    reversal = {"reference": new_reference()}
    refused(town.charlie.post(f"/v1/events/{made['id']}/reversals", reversal), 404, "not_found")
