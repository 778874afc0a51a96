"""Members over HTTP: enrolling, finding, balance, statement, freezing."""

from __future__ import annotations

from api_callers import done, new_reference, purchase, refused
from api_town import Town


def test_it_enrols_a_member_with_an_address_and_an_empty_balance(town: Town) -> None:
    response = town.alice.post(
        "/v1/members",
        {
            "external_id": "card-77",
            "email": "zoé@example.org",
            "name": "Zoé Ünal",
            "locale": "fr-FR",
            "birth_date": "1990-02-28",
            "referral_code": "AMI-7",
        },
    )
    member = done(response, 201)
    assert member["object"] == "member"
    assert member["id"].startswith("mem_")
    assert member["external_id"] == "card-77"
    assert member["name"] == "Zoé Ünal"
    assert member["birth_date"] == "1990-02-28"
    assert len(member["address"]) == 42
    assert member["created_at"] == "2026-11-22T12:00:00Z"
    assert member["balance"]["available"] == 0
    assert member["balance"]["on_chain"]["address"] == member["address"]


def test_the_same_enrolment_again_answers_the_first_member(town: Town) -> None:
    body = {"external_id": "card-78", "name": "Ada"}
    first = done(town.alice.post("/v1/members", body), 201)
    again = done(town.alice.post("/v1/members", body), 200)
    assert again["id"] == first["id"]


def test_another_person_under_a_known_external_id_is_a_conflict_that_names_the_first(town: Town) -> None:
    first = town.alice.enrol("card-79", name="Ada")
    problem = refused(town.alice.post("/v1/members", {"external_id": "card-79", "name": "Bob"}), 409, "conflict")
    assert problem["existing_id"] == first["id"]


def test_two_merchants_may_use_the_same_external_id(town: Town) -> None:
    assert town.alice.enrol("card-80")["id"] != town.charlie.enrol("card-80")["id"]


def test_it_finds_a_member_by_external_id(town: Town) -> None:
    member = town.alice.enrol("card-81")
    found = done(town.alice.get("/v1/members", external_id="card-81"))
    assert found["object"] == "list"
    assert [item["id"] for item in found["data"]] == [member["id"]]
    assert found["next_cursor"] is None
    assert done(town.charlie.get("/v1/members", external_id="card-81"))["data"] == []


def test_a_list_of_members_is_read_part_by_part(town: Town) -> None:
    shop = town.merchant("Parts")
    ids = [shop.enrol()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        part = done(shop.get("/v1/members", limit=2, **cursor))
        assert len(part["data"]) <= 2
        seen += [item["id"] for item in part["data"]]
        if part["next_cursor"] is None:
            break
        cursor = {"cursor": part["next_cursor"]}
    assert sorted(seen) == sorted(ids)


def test_a_cursor_that_is_none_is_refused(town: Town) -> None:
    problem = refused(town.alice.get("/v1/members", cursor="not-a-cursor"), 422, "invalid_input")
    assert problem["errors"][0]["pointer"] == "?cursor"


def test_more_than_a_hundred_at_once_are_refused(town: Town) -> None:
    problem = refused(town.alice.get("/v1/members", limit=101), 422, "invalid_input")
    assert problem["errors"][0]["pointer"] == "?limit"


def test_many_members_are_enrolled_in_order_and_each_fails_alone(town: Town) -> None:
    taken = town.alice.enrol("card-90", name="Ada")
    items = [
        {"external_id": "card-91"},
        {"external_id": 92},
        {"external_id": "card-90", "name": "Bob"},
        "card-93",
        {"external_id": "card-90", "name": "Ada"},
        {"external_id": "card-94", "unknown": 1},
    ]
    data = done(town.alice.post("/v1/members:batch", {"members": items}))["data"]
    assert [item["status"] for item in data] == [201, 422, 409, 422, 200, 422]
    assert data[0]["member"]["external_id"] == "card-91"
    assert data[1]["problem"]["errors"][0]["pointer"] == "/external_id"
    assert data[2]["problem"]["existing_id"] == taken["id"]
    assert data[4]["member"]["id"] == taken["id"]
    assert "problem" not in data[0]
    assert "member" not in data[1]


def test_a_thousand_members_fit_in_one_call_and_one_more_does_not(town: Town) -> None:
    items = [{"external_id": f"bulk-{number}"} for number in range(1_001)]
    refused(town.alice.post("/v1/members:batch", {"members": items}), 422, "invalid_input")
    data = done(town.alice.post("/v1/members:batch", {"members": items[:1000]}))["data"]
    assert {item["status"] for item in data} == {201}
    assert [item["member"]["external_id"] for item in data] == [item["external_id"] for item in items[:1000]]


def test_the_statement_sums_to_the_balance(town: Town) -> None:
    member = town.alice.enrol()
    for amount in (1000, 2500, 99, 4100):
        town.alice.buy(member["id"], amount)
    done(
        town.alice.post("/v1/redemptions", {"reference": new_reference(), "member_id": member["id"], "points": 30}), 201
    )
    entries = done(town.alice.get(f"/v1/members/{member['id']}/entries", limit=100))["data"]
    balance = town.alice.balance(member["id"])
    assert sum(entry["points"] for entry in entries) == balance["available"] == 46
    assert [entry["kind"] for entry in entries] == ["redemption", "issuance", "issuance", "issuance"]
    assert entries[0]["balance_after"] == 46
    assert entries[0]["settlement"]["state"] == "accepted"
    assert balance["lifetime"] == {"issued": 76, "redeemed": 30, "expired": 0, "reversed": 0}
    assert balance["on_chain"]["settled"] is False


def test_a_frozen_member_moves_no_points_until_unfrozen(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 5000)
    frozen = done(town.admin.post(f"/v1/members/{member['id']}/freeze", {"reason": "card reported stolen"}))
    assert frozen["frozen"] is True
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 5}
    refused(town.alice.post("/v1/redemptions", spend), 409, "member_frozen")
    assert done(town.admin.send(f"/v1/members/{member['id']}/unfreeze", b"", None))["frozen"] is False
    done(town.alice.post("/v1/redemptions", spend), 201)


def test_a_foreign_member_does_not_exist(town: Town) -> None:
    member = town.alice.enrol()
    path = f"/v1/members/{member['id']}"
    for response in (
        town.charlie.get(path),
        town.charlie.get(f"{path}/balance"),
        town.charlie.get(f"{path}/entries"),
        town.charlie.post(f"{path}/freeze", {"reason": "mine"}),
        town.charlie.post("/v1/purchases", purchase(member["id"])),
        town.charlie.post("/v1/redemptions", {"reference": "x-1", "member_id": member["id"], "points": 1}),
        town.charlie.post("/v1/issuances", {"reference": "x-2", "member_id": member["id"], "points": 1, "reason": "x"}),
    ):
        refused(response, 404, "not_found")


def test_an_unknown_member_answers_as_a_foreign_one_does(town: Town) -> None:
    foreign = refused(town.charlie.get(f"/v1/members/{town.alice.enrol()['id']}"), 404, "not_found")
    unknown = refused(town.charlie.get("/v1/members/mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, "not_found")
    assert foreign["detail"] == unknown["detail"]


def test_an_admin_key_names_the_merchant(town: Town) -> None:
    problem = refused(town.admin.post("/v1/members", {"external_id": "card-95"}), 422, "invalid_input")
    assert problem["errors"][0]["pointer"] == "/merchant_id"
    body = {"external_id": "card-95", "merchant_id": town.alice.merchant_id}
    assert done(town.admin.post("/v1/members", body), 201)["merchant_id"] == town.alice.merchant_id
    refused(town.charlie.post("/v1/members", body), 404, "not_found")


def test_an_account_is_closed_and_opened_again_by_an_admin(town: Town) -> None:
    member = town.alice.enrol()["id"]
    body = {"reference": new_reference(), "member_id": member, "points": 80, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    path = f"/v1/members/{member}"
    why = {"reason": "asked to"}
    refused(town.alice.post(f"{path}/close", why), 403, "forbidden")
    problem = refused(town.admin.post(f"{path}/close", why), 409, "conflict")
    assert problem["available"] == 80
    closed = done(town.admin.post(f"{path}/close", why | {"forfeit": True}))
    assert (closed["state"], closed["balance"]["available"]) == ("closed", 0)
    bought = purchase(member_id=member)
    refused(town.alice.post("/v1/purchases", bought), 404, "not_found")
    assert done(town.admin.post(f"{path}/reopen", why))["state"] == "active"
    done(town.alice.post("/v1/purchases", bought), 201)


def test_two_accounts_of_one_person_become_one(town: Town) -> None:
    old, kept = town.alice.enrol(), town.alice.enrol()
    body = {"reference": new_reference(), "member_id": old["id"], "points": 80, "reason": "a parcel came late"}
    done(town.alice.post("/v1/issuances", body), 201)
    path, merge = f"/v1/members/{old['id']}", {"into": kept["id"], "reason": "the same passport"}
    refused(town.alice.post(f"{path}/merge", merge), 403, "forbidden")
    refused(town.admin.post(f"{path}/merge", {"into": kept["id"]}), 422, "invalid_input")
    refused(town.admin.post(f"{path}/merge", merge | {"into": old["id"]}), 422, "invalid_input")
    refused(town.admin.post(f"{path}/merge", merge | {"into": "mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"}), 404, "not_found")
    for _ in range(2):
        stays = done(town.admin.post(f"{path}/merge", merge))
        assert (stays["id"], stays["balance"]["available"], stays["merged_into"]) == (kept["id"], 80, None)
    assert done(town.alice.get(path))["id"] == kept["id"]
    assert done(town.alice.get(f"{path}/balance"))["available"] == 80
    entries = done(town.alice.get(f"{path}/entries"))["data"]
    assert [(entry["kind"], entry["points"]) for entry in entries] == [("move", 80)]
    found = done(town.alice.get("/v1/members"))["data"]
    assert [one["merged_into"] for one in found if one["id"] == old["id"]] == [kept["id"]] or old["id"] not in found
    assert done(town.alice.post("/v1/purchases", purchase(member_id=old["id"])), 201)["member_id"] == kept["id"]
    third = town.alice.enrol()["id"]
    problem = refused(town.admin.post(f"{path}/merge", merge | {"into": third}), 409, "conflict")
    assert problem["merged_into"] == kept["id"]


def test_a_member_is_put_into_segments_of_the_rules_by_an_admin(town: Town) -> None:
    member = town.alice.enrol()
    assert member["segments"] == []
    path, body = f"/v1/members/{member['id']}/segments", {"segments": []}
    refused(town.alice.put(path, body), 403, "forbidden")
    assert done(town.admin.put(path, body))["segments"] == []
    problem = refused(town.admin.put(path, {"segments": ["vip"]}), 422, "invalid_input")
    assert problem["errors"] == [{"pointer": "/segments/0", "detail": "the rules declare no segments"}]


def test_people_of_a_company_are_added_listed_and_taken_off(town: Town) -> None:
    member = town.alice.enrol()["id"]
    path = f"/v1/members/{member}/users"
    assert done(town.alice.get(path)) == {"object": "list", "data": []}
    lea = done(town.alice.post(path, {"email": "lea@example.com", "name": "Léa"}), 201)
    assert (lea["object"], lea["email"], lea["name"], lea["member_id"]) == ("user", "lea@example.com", "Léa", member)
    assert done(town.alice.get(path))["data"] == [lea]
    refused(town.alice.post(path, {"email": "lea"}), 422, "invalid_input")
    refused(town.charlie.get(path), 404, "not_found")
    assert done(town.alice.post(f"{path}/{lea['id']}/remove", {}))["data"] == []
