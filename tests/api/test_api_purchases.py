"""Purchases and refunds over HTTP."""

from __future__ import annotations

from api_callers import done, new_reference, purchase, refused
from api_town import Town


def euros(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}


def test_a_purchase_earns_points_and_says_why(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(
        member["id"],
        4590,
        tax=euros(765),
        shipping=euros(490),
        discount=euros(400),
        items=[
            {"line": 1, "sku": "coffee-1kg", "category": "grocery", "quantity": 2, "amount": 3000, "tax": 500},
            {"line": 2, "category": "grocery", "amount": 1500},
        ],
        channel="online",
    )
    answer = done(town.alice.post("/v1/purchases", body), 201)
    assert answer["object"] == "purchase"
    assert answer["id"].startswith("pur_")
    assert answer["reference"] == body["reference"]
    assert answer["total"] == euros(4590)
    assert answer["occurred_at"] == "2026-11-22T11:58:00Z"
    assert sum(line["points"] for line in answer["breakdown"]) == answer["points"]
    assert answer["points"] > 0
    assert answer["pending"] == 0
    assert answer["ruleset"].startswith("0x")
    [entry] = answer["entries"]
    assert (entry["kind"], entry["points"], entry["operation_id"]) == ("issuance", answer["points"], answer["id"])
    assert answer["balance"]["available"] == answer["points"]
    promise = answer["promise"]
    assert (promise["entry_id"], promise["amount"]) == (entry["id"], answer["points"])
    assert promise["signature"].startswith("0x")
    assert len(promise["signature"]) == 132


def test_the_promise_of_a_purchase_is_signed_by_the_programmes_promise_key(town: Town) -> None:
    from token_service.protocol import promises

    member = town.alice.enrol()
    promise = town.alice.buy(member["id"])["promise"]
    signer = done(town.nobody.get("/v1/program"))["promise_address"]
    assert promises.verify(promises.from_json(promise), signer)


def test_a_member_may_be_named_by_external_id(town: Town) -> None:
    member = town.alice.enrol("till-card")
    body = purchase("x") | {"external_id": "till-card"}
    del body["member_id"]
    assert done(town.alice.post("/v1/purchases", body), 201)["member_id"] == member["id"]


def test_a_purchase_names_exactly_one_member(town: Town) -> None:
    member = town.alice.enrol("both")
    both = purchase(member["id"], external_id="both")
    neither = {name: value for name, value in purchase("x").items() if name != "member_id"}
    for body in (both, neither):
        problem = refused(town.alice.post("/v1/purchases", body), 422, "invalid_input")
        assert problem["errors"][0]["pointer"] == "/member_id"


def test_lines_that_do_not_add_up_are_refused_with_the_numbers(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"], 1000, items=[{"line": 1, "amount": 900}])
    problem = refused(town.alice.post("/v1/purchases", body), 422, "total_mismatch")
    assert (problem["total"], problem["computed"]) == (1000, 900)


def test_money_in_another_currency_is_refused(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"]) | {"total": {"amount": 100, "currency": "USD"}}
    refused(town.alice.post("/v1/purchases", body), 422, "wrong_currency")
    mixed = purchase(member["id"], tax={"amount": 1, "currency": "USD"})
    problem = refused(town.alice.post("/v1/purchases", mixed), 422, "wrong_currency")
    assert problem["errors"][0]["pointer"] == "/tax/currency"


def test_a_purchase_of_long_ago_is_too_late(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"]) | {"occurred_at": "2026-01-01T00:00:00Z"}
    refused(town.alice.post("/v1/purchases", body), 422, "too_late")


def test_a_purchase_of_tomorrow_is_refused(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"]) | {"occurred_at": "2026-11-23T12:00:00Z"}
    problem = refused(town.alice.post("/v1/purchases", body), 422, "invalid_input")
    assert problem["errors"][0]["pointer"] == "/occurred_at"


def test_the_same_reference_and_content_answers_the_first_purchase(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"])
    first = done(town.alice.post("/v1/purchases", body), 201)
    response = town.alice.post("/v1/purchases", body)
    again = done(response, 200)
    assert response.headers["Idempotent-Replayed"] == "true"
    assert again["id"] == first["id"]
    assert [entry["id"] for entry in again["entries"]] == [entry["id"] for entry in first["entries"]]
    assert town.alice.balance(member["id"])["available"] == first["points"]


def test_the_same_reference_with_other_content_is_a_conflict_that_names_the_first(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"])
    first = done(town.alice.post("/v1/purchases", body), 201)
    problem = refused(town.alice.post("/v1/purchases", body | {"total": euros(1)}), 409, "reference_conflict")
    assert problem["existing_id"] == first["id"]
    assert town.alice.balance(member["id"])["available"] == first["points"]


def test_two_merchants_may_use_the_same_reference(town: Town) -> None:
    mine, theirs = town.alice.enrol(), town.charlie.enrol()
    body = purchase(mine["id"], reference="shared")
    done(town.alice.post("/v1/purchases", body), 201)
    done(town.charlie.post("/v1/purchases", body | {"member_id": theirs["id"]}), 201)


def test_a_purchase_is_found_by_id_and_by_reference(town: Town) -> None:
    member = town.alice.enrol()
    made = town.alice.buy(member["id"])
    assert done(town.alice.get(f"/v1/purchases/{made['id']}"))["points"] == made["points"]
    found = done(town.alice.get("/v1/purchases", reference=made["reference"]))
    assert [item["id"] for item in found["data"]] == [made["id"]]
    assert done(town.alice.get("/v1/purchases", reference="never used"))["data"] == []
    refused(town.charlie.get(f"/v1/purchases/{made['id']}"), 404, "not_found")
    assert done(town.charlie.get("/v1/purchases", reference=made["reference"]))["data"] == []


def test_many_purchases_are_recorded_in_order_and_each_fails_alone(town: Town) -> None:
    member = town.alice.enrol()
    first = purchase(member["id"], 1000)
    items = [
        first,
        purchase(member["id"], -1),
        first,
        first | {"total": euros(2)},
        purchase(town.charlie.enrol()["id"], 1000),
        purchase(member["id"], 100) | {"external_id": "both"},
        None,
        purchase(member["id"], 2000),
    ]
    data = done(town.alice.post("/v1/purchases:batch", {"purchases": items}))["data"]
    assert [item["status"] for item in data] == [201, 422, 200, 409, 404, 422, 422, 201]
    assert data[1]["problem"]["errors"][0]["pointer"] == "/total/amount"
    assert data[2]["purchase"]["id"] == data[0]["purchase"]["id"]
    assert data[3]["problem"]["existing_id"] == data[0]["purchase"]["id"]
    assert [item["points"] for item in data[7]["purchase"]["entries"]] == [20]
    assert town.alice.balance(member["id"])["available"] == 30


def test_an_empty_batch_is_refused(town: Town) -> None:
    refused(town.alice.post("/v1/purchases:batch", {"purchases": []}), 422, "invalid_input")


def test_a_refund_takes_back_what_the_rest_no_longer_earns(town: Town) -> None:
    member = town.alice.enrol()
    made = town.alice.buy(member["id"], 5050)
    body = {"reference": new_reference(), "amount": euros(1000)}
    refund = done(town.alice.post(f"/v1/purchases/{made['id']}/refunds", body), 201)
    assert (refund["object"], refund["kept"], refund["reversed"], refund["debt"]) == ("refund", 40, 10, 0)
    assert refund["balance"]["available"] == 40
    assert [entry["kind"] for entry in refund["entries"]] == ["reversal"]
    again = done(town.alice.post(f"/v1/purchases/{made['id']}/refunds", body), 200)
    assert again["id"] == refund["id"]
    assert done(town.alice.get(f"/v1/purchases/{made['id']}"))["refunded"] == euros(1000)


def test_a_refund_by_line_takes_back_that_line(town: Town) -> None:
    member = town.alice.enrol()
    items = [{"line": 1, "amount": 1000, "quantity": 2}, {"line": 2, "amount": 3000}]
    made = town.alice.buy(member["id"], 4000, items=items)
    body = {"reference": new_reference(), "items": [{"line": 1, "quantity": 1}]}
    refund = done(town.alice.post(f"/v1/purchases/{made['id']}/refunds", body), 201)
    assert (refund["amount"], refund["kept"], refund["reversed"]) == (euros(500), 35, 5)


def test_a_refund_of_spent_points_leaves_a_debt(town: Town) -> None:
    member = town.alice.enrol()
    made = town.alice.buy(member["id"], 5000)
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 45}
    done(town.alice.post("/v1/redemptions", spend), 201)
    body = {"reference": new_reference(), "amount": euros(5000)}
    refund = done(town.alice.post(f"/v1/purchases/{made['id']}/refunds", body), 201)
    assert (refund["kept"], refund["reversed"], refund["debt"]) == (0, 5, 45)
    assert town.alice.balance(member["id"])["debt"] == 45


def test_more_than_was_paid_is_not_refunded(town: Town) -> None:
    member = town.alice.enrol()
    made = town.alice.buy(member["id"], 5000)
    body = {"reference": new_reference(), "amount": euros(5001)}
    refused(town.alice.post(f"/v1/purchases/{made['id']}/refunds", body), 422, "refund_exceeds_purchase")


def test_a_refund_says_what_comes_back_once(town: Town) -> None:
    member = town.alice.enrol()
    made = town.alice.buy(member["id"], 5000)
    path = f"/v1/purchases/{made['id']}/refunds"
    refused(town.alice.post(path, {"reference": new_reference()}), 422, "invalid_input")
    both = {"reference": new_reference(), "amount": euros(1), "items": [{"line": 1}]}
    refused(town.alice.post(path, both), 422, "invalid_input")


def test_a_foreign_purchase_is_not_refunded(town: Town) -> None:
    made = town.alice.buy(town.alice.enrol()["id"], 5000)
    body = {"reference": new_reference(), "amount": euros(1)}
    refused(town.charlie.post(f"/v1/purchases/{made['id']}/refunds", body), 404, "not_found")


def test_a_simulation_says_what_the_real_call_then_does_and_leaves_no_trace(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"], 2390)
    simulation = done(town.alice.post("/v1/simulations/purchase", body))
    assert (simulation["object"], simulation["allowed"], simulation["refusal"]) == ("simulation", True, None)
    assert town.alice.balance(member["id"])["available"] == 0
    assert done(town.alice.get("/v1/purchases", reference=body["reference"]))["data"] == []
    real = done(town.alice.post("/v1/purchases", body), 201)
    for name in ("points", "pending", "breakdown", "ruleset", "total", "tier"):
        assert simulation["purchase"][name] == real[name]


def test_a_refund_gives_back_what_points_paid(town: Town) -> None:
    member = town.alice.enrol()["id"]
    town.alice.buy(member, 20_000)
    spent = done(town.alice.post("/v1/redemptions", {"reference": "use-1", "member_id": member, "points": 100}), 201)
    body = purchase(member, 2_000, paid_with_points=euros(1_000), paid_by="use-1")
    refused(town.alice.post("/v1/purchases", body | {"paid_by": "use-2"}), 404, "not_found")
    wrong = refused(
        town.alice.post("/v1/purchases", body | {"paid_with_points": euros(1_010)}),
        422,
        "invalid_input",
    )
    assert [place["pointer"] for place in wrong["errors"]] == ["/paid_by"]
    bought = done(town.alice.post("/v1/purchases", body), 201)
    assert bought["paid_by"] == spent["id"]
    second = refused(town.alice.post("/v1/purchases", body | {"reference": new_reference()}), 409, "conflict")
    assert second["existing_id"] == bought["id"]
    refund = {"reference": "refund-1", "amount": euros(500)}
    given = done(town.alice.post(f"/v1/purchases/{bought['id']}/refunds", refund), 201)
    assert given["restored"] == 25
    assert done(town.alice.post(f"/v1/purchases/{bought['id']}/refunds", refund), 200)["restored"] == 25
    assert done(town.alice.get(f"/v1/redemptions/{spent['id']}"))["reversed"] == 25
