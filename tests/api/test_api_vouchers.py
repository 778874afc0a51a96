"""Vouchers at the till, over HTTP: what they are worth, single use, and what a retry is answered."""

from __future__ import annotations

import json
import re

import pytest
from api_callers import done, new_reference, refused
from api_town import Town
from documents import blocks

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucher
from token_service.ledger.vouchers import buy_reward


@pytest.fixture
def code(town: Town) -> str:
    """A voucher for a coffee, bought by a member of alice's."""
    member = town.alice.enrol(name="Ada")
    town.alice.buy(member["id"], 20_000)
    bought = buy_reward(town.context, Actor.member(member["id"]), NewVoucher(new_reference(), "free-coffee", 100))
    return str(bought.value.code)


def test_a_till_asks_what_a_voucher_is_worth(town: Town, code: str) -> None:
    for shop in (town.alice, town.charlie):
        answer = done(shop.post("/v1/vouchers:check", {"code": code.lower()}))
        assert answer["allowed"] is True
        assert answer["refusal"] is None
        voucher = answer["voucher"]
        assert (voucher["reward_id"], voucher["points"], voucher["state"]) == ("free-coffee", 100, "open")
        assert voucher["value"] == {"amount": 1000, "currency": "EUR"}
        assert "Ada" not in json.dumps(answer)
        assert "mem_" not in json.dumps(answer)


def test_a_voucher_is_honoured_once(town: Town, code: str) -> None:
    body = {"reference": new_reference(), "code": code}
    used = done(town.alice.post("/v1/vouchers:use", body), 201)
    assert (used["state"], used["reference"]) == ("used", body["reference"])
    again = town.alice.post("/v1/vouchers:use", body)
    assert done(again, 200) == used
    assert again.headers["Idempotent-Replayed"] == "true"
    own = refused(town.alice.post("/v1/vouchers:use", {**body, "reference": new_reference()}), 409, "voucher_used")
    assert (own["reference"], own["merchant_id"], own["used_at"]) == (
        body["reference"],
        town.alice.merchant_id,
        used["used_at"],
    )
    other = refused(town.charlie.post("/v1/vouchers:use", {**body, "reference": new_reference()}), 409, "voucher_used")
    assert other["used_at"] == used["used_at"]
    assert {"reference", "merchant_id"}.isdisjoint(other)
    check = done(town.charlie.post("/v1/vouchers:check", {"code": code}))
    assert (check["allowed"], check["refusal"]["code"]) == (False, "voucher_used")
    assert check["refusal"]["facts"] == {"used_at": used["used_at"]}


def test_its_merchant_undoes_the_use_and_it_is_usable_again_once(town: Town, code: str) -> None:
    used = done(town.alice.post("/v1/vouchers:use", {"reference": new_reference(), "code": code}), 201)
    path = f"/v1/vouchers/{used['id']}/reversals"
    refused(town.charlie.post(path, {"reference": new_reference()}), 404, "not_found")
    body = {"reference": new_reference(), "use_reference": used["reference"], "reason": "order cancelled"}
    undone = done(town.alice.post(path, body), 201)
    assert (undone["object"], undone["voucher_id"], undone["used_at"], undone["discount"]) == (
        "voucher_reversal",
        used["id"],
        used["used_at"],
        None,
    )
    again = town.alice.post(path, body)
    assert done(again, 200) == undone
    assert again.headers["Idempotent-Replayed"] == "true"
    refused(town.alice.post(path, body | {"reason": "another"}), 409, "reference_conflict")
    assert (
        refused(town.alice.post(path, {"reference": new_reference()}), 409, "already_reversed")["existing_id"]
        == undone["id"]
    )
    check = done(town.alice.post("/v1/vouchers:check", {"code": code}))
    assert (check["allowed"], check["voucher"]["state"], check["voucher"]["used_at"]) == (True, "open", None)
    assert [one["undone_reference"] for one in check["voucher"]["undone"]] == [body["reference"]]
    second = done(town.charlie.post("/v1/vouchers:use", {"reference": new_reference(), "code": code}), 201)
    assert second["undone"] == [], "what another merchant did is its own"
    refused(town.charlie.post("/v1/vouchers:use", {"reference": new_reference(), "code": code}), 409, "voucher_used")
    assert done(town.alice.post(path, body), 200) == undone


def test_a_voucher_that_nobody_used_has_nothing_to_undo(town: Town, code: str) -> None:
    voucher = done(town.alice.post("/v1/vouchers:check", {"code": code}))["voucher"]
    body = {"reference": new_reference()}
    refused(town.alice.post(f"/v1/vouchers/{voucher['id']}/reversals", body), 409, "voucher_not_used")
    refused(town.alice.post("/v1/vouchers/vch_nothing/reversals", body), 404, "not_found")


def test_a_retried_use_with_its_key_is_no_use_once_it_was_undone(town: Town, code: str) -> None:
    body = {"reference": new_reference(), "code": code}
    used = done(town.alice.post("/v1/vouchers:use", body, Idempotency_Key="voucher-2"), 201)
    done(town.alice.post(f"/v1/vouchers/{used['id']}/reversals", {"reference": new_reference()}), 201)
    refused(town.alice.post("/v1/vouchers:use", body, Idempotency_Key="voucher-2"), 409, "already_reversed")
    refused(town.alice.post("/v1/vouchers:use", body), 409, "already_reversed")


def test_an_idempotency_key_names_the_use_too(town: Town, code: str) -> None:
    body = {"reference": new_reference(), "code": code}
    first = done(town.alice.post("/v1/vouchers:use", body, Idempotency_Key="voucher-1"), 201)
    again = town.alice.post("/v1/vouchers:use", body, Idempotency_Key="voucher-1")
    assert done(again, 201) == first
    assert again.headers["Idempotent-Replayed"] == "true"


def test_an_unknown_code_is_nobodys_and_never_repeated(town: Town, code: str) -> None:
    for wrong in ("0000-0000-0000", "not a code at all"):
        for path, more in (("check", {}), ("use", {"reference": new_reference()})):
            answer = town.alice.post(f"/v1/vouchers:{path}", {"code": wrong, **more})
            refused(answer, 404, "voucher_unknown")
            assert wrong not in answer.text


def test_an_admin_names_the_merchant(town: Town, code: str) -> None:
    body = {"reference": new_reference(), "code": code}
    refused(town.admin.post("/v1/vouchers:use", body), 422, "invalid_input")
    done(town.admin.post("/v1/vouchers:use", {**body, "merchant_id": town.charlie.merchant_id}), 201)
    refused(
        town.alice.post("/v1/vouchers:check", {"code": code, "merchant_id": town.charlie.merchant_id}), 404, "not_found"
    )


def test_giving_the_redemption_back_cancels_the_voucher(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 20_000)
    bought = buy_reward(town.context, Actor.member(member["id"]), NewVoucher(new_reference(), "free-coffee", 100)).value
    path = f"/v1/redemptions/{bought.redemption_id}/reversals"
    refused(town.alice.post(path, {"reference": new_reference()}), 404, "not_found")
    done(town.admin.post(path, {"reference": new_reference()}), 201)
    body = {"reference": new_reference(), "code": bought.code}
    refused(town.alice.post("/v1/vouchers:use", body), 409, "voucher_cancelled")


def test_the_right_to_honour_is_the_right_to_redeem(town: Town, code: str) -> None:
    narrow = town.with_scopes("redemptions:read", "members:read")
    assert refused(narrow.post("/v1/vouchers:check", {"code": code}), 403, "forbidden")["scope"] == "redemptions:write"


def test_the_guides_calls_answer_as_the_guide_says(town: Town, code: str) -> None:
    """docs/api.md, “Honour a voucher”: each call, then the answer that follows it."""
    page = blocks("docs/api.md", "Honour a voucher")
    calls = [(one.text, json.loads(answer.text)) for one, answer in zip(page[::2], page[1::2], strict=True)]
    assert len(calls) == 2
    for command, expected in calls:
        found = re.fullmatch(r'curl "\$MEREAU(\S+)" .*<<END\n(.*)\nEND\n', command, re.DOTALL)
        assert found is not None
        answer = json.loads(town.alice.send(found[1], found[2].replace("$VOUCHER", code).encode()).data)
        assert answer["object"] == expected["object"]
        check_includes(answer, expected)


def check_includes(answer: object, expected: object) -> None:
    if isinstance(expected, dict):
        assert isinstance(answer, dict)
        for name, value in expected.items():
            check_includes(answer[name], value)
    elif isinstance(expected, str) and expected.endswith("…"):
        assert str(answer).startswith(expected[:-1])
    else:
        assert answer == expected


def test_a_till_buys_a_voucher_for_its_member_once(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 20_000)
    body = {"reference": new_reference(), "member_id": member["id"], "reward_id": "free-coffee"}
    bought = done(town.alice.post("/v1/vouchers", body), 201)
    assert (bought["object"], bought["state"], bought["points"]) == ("voucher", "open", 100)
    assert [entry["points"] for entry in bought["entries"]] == [-100]
    again = town.alice.post("/v1/vouchers", body)
    assert (done(again, 200)["code"], again.headers["Idempotent-Replayed"]) == (bought["code"], "true")
    assert done(town.alice.get(f"/v1/members/{member['id']}/balance"))["available"] == bought["balance"]["available"]
    other = {**body, "reward_id": "tote-bag"}
    refused(town.alice.post("/v1/vouchers", other), 409, "reference_conflict")
    used = {"reference": new_reference(), "code": bought["code"]}
    assert done(town.charlie.post("/v1/vouchers:use", used), 201)["id"] == bought["id"]
    assert done(town.alice.post("/v1/vouchers", body), 200)["code"] is None


def test_two_merchants_may_name_their_vouchers_alike(town: Town) -> None:
    reference, ids = new_reference(), []
    for shop in (town.alice, town.charlie):
        member = shop.enrol()
        shop.buy(member["id"], 20_000)
        body = {"reference": reference, "member_id": member["id"], "reward_id": "free-coffee"}
        ids.append(done(shop.post("/v1/vouchers", body), 201)["id"])
    assert len(set(ids)) == 2


def test_a_voucher_needs_the_points_the_member_and_the_scope(town: Town) -> None:
    member = town.alice.enrol()
    body = {"reference": new_reference(), "member_id": member["id"], "reward_id": "free-coffee"}
    assert refused(town.alice.post("/v1/vouchers", body), 409, "insufficient_balance")["missing_points"] == 100
    refused(town.charlie.post("/v1/vouchers", body), 404, "not_found")
    refused(town.alice.post("/v1/vouchers", {**body, "reference": "x" * 190}), 422, "invalid_input")
