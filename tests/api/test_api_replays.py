"""Naming a request twice: the Idempotency-Key."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_callers import done, new_reference, purchase, refused
from api_town import Town


def test_the_same_key_and_content_answers_the_same_objects_with_the_same_status(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"])
    first = town.alice.post("/v1/purchases", body, Idempotency_Key="till-1-0001")
    again = town.alice.post("/v1/purchases", body, Idempotency_Key="till-1-0001")
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    one, two = done(first, 201), done(again, 201)
    assert one["id"] == two["id"]
    assert [entry["id"] for entry in one["entries"]] == [entry["id"] for entry in two["entries"]]
    assert town.alice.balance(member["id"])["available"] == one["points"]


def test_the_same_key_with_other_content_is_refused_and_does_nothing(town: Town) -> None:
    member = town.alice.enrol()
    done(town.alice.post("/v1/purchases", purchase(member["id"]), Idempotency_Key="till-1-0002"), 201)
    before = town.alice.balance(member["id"])
    other = town.alice.post("/v1/purchases", purchase(member["id"]), Idempotency_Key="till-1-0002")
    refused(other, 422, "idempotency_key_reused")
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 1}
    refused(town.alice.post("/v1/redemptions", spend, Idempotency_Key="till-1-0002"), 422, "idempotency_key_reused")
    assert town.alice.balance(member["id"]) == before


def test_a_key_belongs_to_its_merchant(town: Town) -> None:
    for shop in (town.alice, town.charlie):
        member = shop.enrol()
        done(shop.post("/v1/purchases", purchase(member["id"]), Idempotency_Key="shared-key"), 201)


def test_a_refused_request_is_not_remembered(town: Town) -> None:
    member = town.alice.enrol()
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 10}
    refused(town.alice.post("/v1/redemptions", spend, Idempotency_Key="again"), 409, "insufficient_balance")
    town.alice.buy(member["id"], 5000)
    done(town.alice.post("/v1/redemptions", spend, Idempotency_Key="again"), 201)


def test_a_known_reference_under_a_new_key_answers_200_each_time(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"])
    done(town.alice.post("/v1/purchases", body), 201)
    for _ in range(2):
        response = town.alice.post("/v1/purchases", body, Idempotency_Key="late-key")
        done(response, 200)
        assert response.headers["Idempotent-Replayed"] == "true"


def test_a_replay_finds_refunds_reversals_and_members_too(town: Town) -> None:
    member = town.alice.enrol()
    made = town.alice.buy(member["id"], 5000)
    refund = {"reference": new_reference(), "amount": {"amount": 100, "currency": "EUR"}}
    issuance = done(
        town.alice.post(
            "/v1/issuances", {"reference": new_reference(), "member_id": member["id"], "points": 9, "reason": "x"}
        ),
        201,
    )
    calls = [
        (f"/v1/purchases/{made['id']}/refunds", refund),
        (f"/v1/issuances/{issuance['id']}/reversals", {"reference": new_reference()}),
        ("/v1/members", {"external_id": new_reference()}),
    ]
    for number, (path, body) in enumerate(calls):
        first = done(town.alice.post(path, body, Idempotency_Key=f"call-{number}"), 201)
        again = town.alice.post(path, body, Idempotency_Key=f"call-{number}")
        assert done(again, 201)["id"] == first["id"]
        assert again.headers["Idempotent-Replayed"] == "true"


def test_a_batch_is_replayed_whole_and_tries_again_what_was_refused(town: Town) -> None:
    member = town.alice.enrol()
    late = new_reference()
    body = {"purchases": [purchase(member["id"], 500), purchase("x", 500, external_id=late)]}
    del body["purchases"][1]["member_id"]
    first = done(town.alice.post("/v1/purchases:batch", body, Idempotency_Key="night-1"))["data"]
    assert [item["status"] for item in first] == [201, 404]
    town.alice.enrol(late)
    response = town.alice.post("/v1/purchases:batch", body, Idempotency_Key="night-1")
    again = done(response)["data"]
    assert response.headers["Idempotent-Replayed"] == "true"
    assert [item["status"] for item in again] == [200, 201]
    assert again[0]["purchase"]["id"] == first[0]["purchase"]["id"]
    other = {"purchases": body["purchases"][:1]}
    refused(town.alice.post("/v1/purchases:batch", other, Idempotency_Key="night-1"), 422, "idempotency_key_reused")


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "storm"}])
def test_the_same_purchase_from_eight_tills_at_once_is_recorded_once(town: Town, headers: dict[str, str]) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"], 900)
    with ThreadPoolExecutor(8) as tills:
        answers = list(tills.map(lambda _till: town.alice.post("/v1/purchases", body, **headers), range(8)))
    assert len({json.loads(answer.get_data())["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert town.alice.balance(member["id"])["available"] == 9


def test_a_secret_is_not_shown_twice(town: Town) -> None:
    body = {"name": "till 7", "merchant_id": town.alice.merchant_id}
    made = done(town.admin.post("/v1/api-keys", body, Idempotency_Key="key-1"), 201)
    assert made["key"].startswith("mk_")
    problem = refused(town.admin.post("/v1/api-keys", body, Idempotency_Key="key-1"), 409, "secret_shown_once")
    assert problem["existing_id"] == made["id"]


def test_a_merchant_made_twice_under_one_key_is_one_merchant(town: Town) -> None:
    body = {"name": "Twice"}
    first = done(town.admin.post("/v1/merchants", body, Idempotency_Key="m-1"), 201)
    assert done(town.admin.post("/v1/merchants", body, Idempotency_Key="m-1"), 201)["id"] == first["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "clé", "a\tb"])
def test_a_key_is_1_to_255_printable_characters(town: Town, key: str) -> None:
    body = {"external_id": new_reference()}
    response = town.app.test_client().post(
        "/v1/members", json=body, headers=town.alice.headers() | {"Idempotency-Key": key}
    )
    problem = refused(response, 422, "invalid_input")
    assert problem["errors"][0]["pointer"] == "Idempotency-Key"


def test_a_key_of_255_characters_is_taken(town: Town) -> None:
    done(town.alice.post("/v1/members", {"external_id": new_reference()}, Idempotency_Key="x" * 255), 201)
