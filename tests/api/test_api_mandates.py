"""Own wallets over HTTP: leaving, quotes, signatures. What the chain says is said here by hand; tests/settlement asks it."""

from __future__ import annotations

from typing import Any

from api_callers import done, new_reference, refused
from api_town import Town
from eth_account import Account

from token_service.ledger.following import WalletEvent, follow

KEY = b"\x61" * 32
OWN = Account.from_key(KEY).address


def signature_of(mandate: dict[str, Any], key: bytes = KEY) -> str:
    return "0x" + bytes(Account.sign_typed_data(key, full_message=mandate["document"]).signature).hex()


def give(town: Town, member: dict[str, Any], points: int) -> None:
    given = {"reference": new_reference(), "member_id": member["id"], "points": points, "reason": "a gift"}
    done(town.alice.post("/v1/issuances", given), 201)


def with_own_wallet(town: Town, key: bytes) -> dict[str, Any]:
    """A member with 100 points whom the chain says to have left."""
    member = town.alice.enrol()
    give(town, member, 100)
    given = {
        "from_address": member["address"],
        "to_address": Account.from_key(key).address,
        "amount": 100,
        "expires_at": 0,
    }
    number = "0x" + new_reference().encode().hex().rjust(64, "0")[-64:]
    place = {"block_hash": number, "transaction_hash": number, "log_index": 1, "block_number": 7}
    event = WalletEvent("SelfCustodyBound", given, block_time=town.context.now(), **place)
    town.context.store.transact(lambda connection: follow(connection, town.context, event))
    return member


def test_support_opens_a_leave_that_only_the_members_wallet_can_sign(town: Town) -> None:
    member = town.alice.enrol()
    give(town, member, 100)
    path = f"/v1/members/{member['id']}/leave"
    refused(town.alice.post(path, {"address": OWN}), 403, "forbidden")
    mandate = done(town.admin.post(path, {"address": OWN}), 201)
    assert (mandate["kind"], mandate["state"], mandate["signing_address"]) == ("leave", "unsigned", OWN)
    assert mandate["document"]["message"]["from"] == member["address"]
    signing = f"/v1/mandates/{mandate['id']}/signature"
    refused(town.admin.post(signing, {"signature": signature_of(mandate, b"\x62" * 32)}), 422, "invalid_input")
    signed = done(town.admin.post(signing, {"signature": signature_of(mandate)}))
    assert signed["state"] == "waiting"
    assert done(town.admin.post(signing, {"signature": signature_of(mandate)})) == signed, "asked twice, signed once"
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 1}
    refused(town.alice.post("/v1/redemptions", spend), 409, "member_leaving")
    give(town, member, 1)
    assert done(town.admin.post(f"/v1/mandates/{mandate['id']}/cancel", {}))["state"] == "cancelled"
    done(town.alice.post("/v1/redemptions", spend), 201)


def test_a_quote_is_answered_again_for_its_reference_and_signed_by_the_member_alone(town: Town) -> None:
    key = b"\x63" * 32
    member = with_own_wallet(town, key)
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 30}
    refused(town.alice.post("/v1/redemptions", spend), 409, "member_leaving")
    mandate = done(town.alice.post("/v1/redemptions:quote", spend), 201)
    assert done(town.alice.post("/v1/redemptions:quote", spend)) == mandate
    refused(town.alice.post("/v1/redemptions:quote", spend | {"points": 31}), 409, "reference_conflict")
    too_much = {"reference": new_reference(), "member_id": member["id"], "points": 101}
    problem = refused(town.alice.post("/v1/redemptions:quote", too_much), 409, "insufficient_balance")
    assert problem["missing_points"] == 1
    refused(town.charlie.get(f"/v1/mandates/{mandate['id']}"), 404, "not_found")
    signed = {"signature": signature_of(mandate, key)}
    assert done(town.alice.post(f"/v1/mandates/{mandate['id']}/signature", signed))["state"] == "sent"
    refused(town.alice.post(f"/v1/mandates/{mandate['id']}/cancel", {}), 409, "conflict")


def test_a_member_whose_points_we_keep_needs_no_quote(town: Town) -> None:
    member = town.alice.enrol()
    give(town, member, 100)
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 30}
    refused(town.alice.post("/v1/redemptions:quote", spend), 409, "conflict")
    refused(town.admin.post(f"/v1/members/{member['id']}/return", {}), 409, "conflict")


def test_a_second_quote_waits_until_the_first_one_has_arrived(town: Town) -> None:
    key = b"\x64" * 32
    member = with_own_wallet(town, key)
    quotes = [
        done(
            town.alice.post(
                "/v1/redemptions:quote", {"reference": new_reference(), "member_id": member["id"], "points": 5}
            ),
            201,
        )
        for _ in range(2)
    ]
    paths = [f"/v1/mandates/{quote['id']}/signature" for quote in quotes]
    done(town.alice.post(paths[0], {"signature": signature_of(quotes[0], key)}))
    refused(town.alice.post(paths[1], {"signature": signature_of(quotes[1], key)}), 409, "conflict")


def test_a_quote_that_nobody_signed_in_time_is_over(town: Town) -> None:
    key = b"\x65" * 32
    member = with_own_wallet(town, key)
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 5}
    quote = done(town.alice.post("/v1/redemptions:quote", spend), 201)
    town.clock.forward(minutes=31)
    path = f"/v1/mandates/{quote['id']}"
    assert done(town.alice.get(path))["state"] == "failed"
    refused(town.alice.post(f"{path}/signature", {"signature": signature_of(quote, key)}), 409, "conflict")


def test_a_wallet_that_is_a_contract_is_left_to_the_chain(town: Town) -> None:
    member = with_own_wallet(town, b"\x66" * 32)
    spend = {"reference": new_reference(), "member_id": member["id"], "points": 5}
    quote = done(town.alice.post("/v1/redemptions:quote", spend), 201)
    body = {"signature": "0x1234", "is_contract": True}
    assert done(town.alice.post(f"/v1/mandates/{quote['id']}/signature", body))["state"] == "sent"
