"""Members over HTTP by the code they show."""

from __future__ import annotations

from datetime import timedelta

from api_callers import Caller, done, new_reference, refused
from api_town import Town

from token_service.ledger.context import Actor
from token_service.ledger.member_codes import FAILURES_MAX, new_code


def shown(town: Town, member_id: str) -> str:
    return new_code(town.context, Actor.member(member_id)).code


def test_a_till_finds_the_member_who_shows_a_code_and_awards_them(town: Town) -> None:
    member = town.charlie.enrol("card-of-charlie", name="Ada", email="ada@example.org", birth_date="1990-02-28")
    refused(town.alice.get(f"/v1/members/{member['id']}"), 404, "not_found")
    found = done(town.alice.post("/v1/members:identify", {"code": shown(town, member["id"])}))
    assert (found["id"], found["external_id"], found["name"]) == (member["id"], member["id"], "Ada")
    assert (found["email"], found["birth_date"]) == (None, None)
    town.alice.buy(member["id"], 700)
    assert town.alice.balance(member["id"])["available"] == 7
    assert done(town.charlie.get(f"/v1/members/{member['id']}"))["email"] == "ada@example.org"


def test_a_code_that_expired_and_one_that_never_was_are_answered_alike(town: Town) -> None:
    code = shown(town, town.alice.enrol()["id"])
    town.clock.forward(seconds=timedelta(minutes=5).total_seconds())
    problems = [
        refused(town.alice.post("/v1/members:identify", {"code": one}), 404, "member_code_expired")
        for one in (code, "ZZZZ-ZZZZ", "no code")
    ]
    assert len({problem["detail"] for problem in problems}) == 1


def test_it_needs_the_scope_that_writes_members(town: Town) -> None:
    body = {"code": shown(town, town.alice.enrol()["id"])}
    refused(town.with_scopes("members:read").post("/v1/members:identify", body), 403, "forbidden")
    refused(town.nobody.post("/v1/members:identify", body), 401, "unauthorized")
    done(town.with_scopes("members:write").post("/v1/members:identify", body))


def test_an_admin_key_names_whom_the_code_was_shown_to(town: Town) -> None:
    code = shown(town, town.alice.enrol()["id"])
    problem = refused(town.admin.post("/v1/members:identify", {"code": code}), 422, "invalid_input")
    assert problem["errors"][0]["pointer"] == "/merchant_id"
    body = {"code": code, "merchant_id": town.charlie.merchant_id}
    done(town.admin.post("/v1/members:identify", body))
    refused(
        town.charlie.post("/v1/members:identify", {"code": code, "merchant_id": town.alice.merchant_id}),
        404,
        "not_found",
    )


def test_guessing_is_stopped_and_said_when_to_go_on(town: Town) -> None:
    shop: Caller = town.merchant(f"Guesser {new_reference()}")
    for _ in range(FAILURES_MAX):
        refused(shop.post("/v1/members:identify", {"code": "ZZZZ-ZZZZ"}), 404, "member_code_expired")
    answer = shop.post("/v1/members:identify", {"code": "ZZZZ-ZZZZ"})
    refused(answer, 429, "too_many_requests")
    assert answer.headers["Retry-After"] == "300"
