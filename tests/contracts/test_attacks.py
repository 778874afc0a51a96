"""What somebody tries who holds one of the keys, or none: each test is one attack and what is left of it."""

from __future__ import annotations

import pytest
from contract_attacks import deployed_code, reasons, until
from contract_chains import GAS_LIMIT, GAS_PRICE, PyEvm
from contract_program import (
    DAY,
    NO_LIMIT,
    NOTICE,
    RULESET,
    SUNSET_NOTICE,
    Program,
    Refused,
    admin,
    alice,
    bind,
    bob,
    calldata,
    charlie,
    entry,
    give_back,
    guard,
    issuers,
    redeem,
    rules,
    settler,
)
from eth_abi import encode

from token_service.protocol.hashing import keccak256

SETTLER = keccak256(b"SETTLER")
NEXT, OTHER = keccak256(b"next"), keccak256(b"other")


# --- ISSUERS with a settler's key ------------------------------------------------------------------------------------


def test_a_window_of_another_length_gives_no_room_before_its_notice(program: Program) -> None:
    """`time / period` of a slightly longer period can turn within minutes: the ceiling would start again at 0."""
    program.send(admin, "registerParty", 2, "Two", 100, 30 * DAY)
    assert reasons(program, entry(alice, 1, 100, party=2)) == {}
    windows = program.now // (30 * DAY)
    period = program.now // windows + 1
    assert period > 30 * DAY
    program.send(issuers, "setCeiling", 2, 100, period)
    until(program, period * windows + 1)
    assert reasons(program, entry(alice, 1, 1, party=2)) == {0: 6}
    party = program.ask("partyOf", 2)
    assert (party["issued"], party["period"], party["nextPeriod"]) == (100, 30 * DAY, period)


def test_one_window_for_ever_acts_at_once_and_forgets_nothing(program: Program) -> None:
    program.send(admin, "registerParty", 2, "Two", 100, DAY)
    reasons(program, entry(alice, 1, 60, party=2))
    program.send(issuers, "setCeiling", 2, 100, 0)
    program.wait(500 * DAY)
    assert reasons(program, entry(alice, 1, 41, party=2), entry(alice, 1, 40, party=2)) == {0: 6}
    program.send(issuers, "setCeiling", 2, 100, DAY)
    assert reasons(program, entry(alice, 7, 1, party=2)) == {0: 6}, "back to days only after notice"


def test_a_raise_that_waits_dies_with_the_next_lower_ceiling(program: Program) -> None:
    program.send(admin, "registerParty", 2, "Two", 10, DAY)
    program.send(issuers, "setCeiling", 2, NO_LIMIT, DAY)
    program.send(issuers, "setCeiling", 2, 5, DAY)
    program.send(issuers, "setDebitLimit", settler.address, 10)
    program.send(issuers, "setDebitLimit", settler.address, NO_LIMIT)
    program.send(issuers, "setDebitLimit", settler.address, 5)
    program.wait(3 * NOTICE)
    words = [entry(alice, 1, 6, party=2), entry(alice, 1, 5, party=2), entry(alice, 2, 6), entry(bob, 1, 6)]
    assert reasons(program, *words, entry(bob, 2, 6), entry(bob, 2, 5)) == {0: 6, 2: 4, 4: 7}


def test_a_ceiling_below_what_is_issued_leaves_no_room_and_the_raise_only_the_difference(program: Program) -> None:
    program.send(admin, "registerParty", 2, "Two", 100, 0)
    reasons(program, entry(alice, 1, 80, party=2))
    program.send(issuers, "setCeiling", 2, 30, 0)
    assert reasons(program, entry(alice, 1, 1, party=2)) == {0: 6}
    program.send(issuers, "setCeiling", 2, 90, 0)
    until(program, program.now + NOTICE - 1)
    assert reasons(program, entry(alice, 1, 1, party=2)) == {0: 6}
    assert reasons(program, entry(alice, 1, 11, party=2), entry(alice, 1, 10, party=2)) == {0: 6}
    assert program.ask("partyOf", 2)["issued"] == 90


# --- SETTLER ---------------------------------------------------------------------------------------------------------


def test_a_role_that_is_lost_and_won_again_repeats_no_sequence_and_keeps_its_limit(program: Program) -> None:
    program.send(issuers, "setDebitLimit", settler.address, 7)
    reasons(program, entry(alice, 1, 100), entry(alice, 2, 7))
    program.send(admin, "revokeRole", SETTLER, settler.address)
    with pytest.raises(Refused, match="AccessControlUnauthorizedAccount"):
        program.settle([])
    program.send(admin, "grantRole", SETTLER, settler.address)
    program.send(admin, "setDebitLimit", settler.address, NO_LIMIT)
    with pytest.raises(Refused, match="BatchOutOfSequence"):
        program.settle([entry(alice, 1, 100)], seq=1)
    assert reasons(program, entry(alice, 2, 1)) == {0: 7}


def test_a_stolen_key_cannot_give_itself_all_that_was_ever_redeemed(program: Program) -> None:
    program.settle([entry(alice, 1, 1_000)])
    program.send(issuers, "setDebitLimit", settler.address, 100)
    for _ in range(3):
        assert reasons(program, entry(alice, 2, 100)) == {}
        program.wait(DAY)
    words = [entry(charlie, 5, 300), entry(charlie, 5, 60, party=7), entry(charlie, 5, 41), entry(charlie, 5, 40)]
    assert reasons(program, *words, entry(charlie, 5, 1), entry(alice, 2, 1)) == {0: 7, 2: 7, 4: 7, 5: 7}
    assert program.balance(charlie) == program.ask("laneOf", settler.address)["debited"] == 100


def test_the_debit_limit_turns_at_midnight_and_not_before(program: Program) -> None:
    program.send(issuers, "setDebitLimit", settler.address, 10)
    midnight = (program.now // DAY + 1) * DAY
    until(program, midnight - 2)
    assert reasons(program, entry(alice, 1, 100), entry(alice, 2, 10)) == {}
    assert reasons(program, entry(alice, 2, 1)) == {0: 7}
    assert reasons(program, entry(alice, 2, 11), entry(alice, 3, 4), entry(alice, 9, 6), entry(alice, 4, 1)) == {
        0: 7,
        3: 7,
    }


def test_a_higher_debit_limit_acts_on_a_whole_day_after_the_notice(program: Program) -> None:
    program.send(issuers, "setDebitLimit", settler.address, 10)
    done = program.send(issuers, "setDebitLimit", settler.address, 20)
    at = done.named("DebitLimitSet")[0]["effectiveAt"]
    assert at % DAY == 0
    assert NOTICE <= at - program.now < NOTICE + DAY
    reasons(program, entry(alice, 1, 100))
    until(program, at - 1)
    assert reasons(program, entry(alice, 2, 20)) == {0: 7}
    assert reasons(program, entry(alice, 2, 20), entry(alice, 2, 1)) == {1: 7}


def test_what_is_skipped_is_charged_to_nobody(program: Program) -> None:
    """Runs of A, B, A: the room that a skipped entry asked for is still there for the next."""
    for party in (2, 18):  # both lie in the same place of the batch's memory
        program.send(admin, "registerParty", party, "M", 10, DAY)
    program.send(issuers, "setDebitLimit", settler.address, 10)
    program.send(guard, "setFrozen", charlie.address, True)
    words = [
        entry(alice, 1, 11, party=2),  # above the ceiling
        entry(charlie, 1, 10, party=18),  # frozen
        entry(alice, 1, 10, party=2),
        entry(alice, 7, 10, party=18),
        entry(bob, 7, 1, party=2),  # full
        entry(bob, 1, 1, party=18),  # full
        entry(alice, 2, 11),  # above the debit limit
        entry(bob, 2, 5),  # no points
        entry(alice, 2, 4),
        entry(alice, 5, 5),  # more than was redeemed
        entry(charlie, 5, 4),  # frozen
        entry(alice, 5, 4),
        entry(alice, 10, 1),  # nothing moved out
        entry(alice, 2, 3),  # above what the restoration left of the limit
        entry(alice, 2, 2),
        entry(alice, 5, 1),  # nothing left
    ]
    assert reasons(program, *words) == {0: 6, 1: 2, 4: 6, 5: 6, 6: 7, 7: 4, 9: 9, 10: 2, 12: 10, 13: 7, 15: 7}
    assert [program.ask("partyOf", party)["issued"] for party in (2, 18)] == [10, 10]
    assert program.ask("laneOf", settler.address)["debited"] == 10
    assert program.balance(alice) == program.ask("totalSupply") == 18


def test_a_batch_of_nothing_but_skips_stays_cheap(program: Program) -> None:
    """Worst case: other kind and party at every word, none applied; 500 of them fit a transaction with room to spare."""
    for party in (2, 18):
        program.send(admin, "registerParty", party, "M", 0, DAY)
    cycle = [entry(alice, 1, 1, party=2), entry(alice, 5, 1), entry(alice, 7, 1, party=18), entry(alice, 10, 1)]
    done = program.settle(cycle * 125)
    assert len(done.named("EntrySkipped")) == 500
    assert done.gas_used < 500 * 5_000


def test_no_field_of_a_party_or_lane_spills_into_another(program: Program) -> None:
    assert isinstance(program.chain, PyEvm)
    program.settle([entry(alice, 1, 20)])
    window = program.now // DAY
    party_word = NO_LIMIT | (NO_LIMIT - 5) << 64 | window << 128 | DAY << 168 | 1 << 248
    lane_word = (2**64 - 3) | NO_LIMIT << 64 | (NO_LIMIT - 5) << 128 | window << 192
    settler_place = encode(["address", "uint256"], [settler.address, program.slot("_lanes")])
    party_place = encode(["uint256", "uint256"], [1, program.slot("_parties")])
    for place, word in ((party_place, party_word), (settler_place, lane_word)):
        program.chain.set_storage(program.address, int.from_bytes(keccak256(place)), word)
    words = [entry(bob, 1, 6), entry(bob, 7, 5), entry(alice, 2, 6), entry(alice, 2, 5)]
    done = program.settle(words, seq=2**64 - 2)
    assert [(event["index"], event["reason"]) for event in done.named("EntrySkipped")] == [(0, 6), (2, 7)]
    party, lane = program.ask("partyOf", 1), program.ask("laneOf", settler.address)
    assert (party["ceiling"], party["issued"], party["window"], party["raisesAt"]) == (NO_LIMIT, NO_LIMIT, window, 0)
    full = {"seq": 2**64 - 2, "debitLimit": NO_LIMIT, "debited": NO_LIMIT, "day": window}
    assert lane == full | {"nextDebitLimit": 0, "raisesOnDay": 0}
    assert reasons(program, entry(alice, 2, 1), entry(bob, 1, 1)) == {0: 7, 1: 6}


def test_an_account_with_code_cannot_settle_from_inside_itself(program: Program) -> None:
    """EIP-7702: `msg.sender == tx.origin` also holds for a key that runs code; its words would be nowhere to read."""
    chain = program.chain
    assert isinstance(chain, PyEvm)
    forwarder = bytes.fromhex("365f5f375f5f365f5f73" + program.address.hex() + "5af13d5f5f3e602a573d5ffd5b3d5ff3")
    delegate(program, deployed_code(program, forwarder))
    call = calldata("settle", 1, RULESET, b"\x11" * 32, [entry(alice, 1, 5)])
    for to in (bytes.fromhex(settler.address[2:]), program.address):
        program.now += 1
        sent = chain.send(settler, to, call, at=program.now)
        assert (sent.is_applied, sent.output) == (False, keccak256(b"IndirectCall()")[:4])
    delegate(program, b"\0" * 20)
    program.settle([entry(alice, 1, 5)], seq=1)


def delegate(program: Program, code_at: bytes) -> None:
    """The settler's account runs the code at an address from now on, or none at address 0; charlie sends it."""
    chain = program.chain
    assert isinstance(chain, PyEvm)
    authorization = settler.sign_authorization(
        {"chainId": chain.chain_id, "address": code_at, "nonce": chain.nonce(settler.address)}
    )
    signed = charlie.sign_transaction(
        {
            "type": 4, "chainId": chain.chain_id, "nonce": chain.nonce(charlie.address), "gas": GAS_LIMIT,
            "maxFeePerGas": GAS_PRICE, "maxPriorityFeePerGas": 0, "value": 0, "data": b"", "to": charlie.address,
            "authorizationList": [authorization],
        }
    )  # fmt: skip
    program.now += 1
    assert chain.send_raw(bytes(signed.raw_transaction), at=program.now).is_applied


# --- RULES -----------------------------------------------------------------------------------------------------------


def test_no_ruleset_bars_all_others_for_years(program: Program) -> None:
    latest = program.now + 1 + NOTICE + 366 * DAY
    with pytest.raises(Refused) as refused:
        program.send(rules, "publishRuleset", NEXT, "uri", latest + 1)
    assert (refused.value.name, refused.value.values) == ("RulesetTooLate", (latest + 1, latest))
    with pytest.raises(Refused, match="RulesetTooLate"):
        program.send(rules, "publishRuleset", NEXT, "uri", 2**40 - 1)
    program.send(rules, "publishRuleset", NEXT, "uri", program.now + 1 + NOTICE + 366 * DAY)


def test_a_ruleset_may_be_named_from_its_second_on(program: Program) -> None:
    at = program.now + 2 * NOTICE
    program.send(rules, "publishRuleset", NEXT, "uri", at)
    until(program, at - 1)
    with pytest.raises(Refused, match="RulesetNotInForce"):
        program.settle([], ruleset=NEXT)
    assert program.now == at - 1
    program.settle([], ruleset=NEXT)
    assert [program.ask("rulesetAt", second) for second in (at - 1, at)] == [RULESET, NEXT]


def test_an_addendum_to_a_past_ruleset_does_not_come_back_into_force(program: Program) -> None:
    at = program.now + 2 * NOTICE
    program.send(rules, "publishRuleset", NEXT, "uri", at)
    until(program, at + DAY)
    program.send(rules, "publishAddendum", RULESET, OTHER, "uri")
    assert [program.ask("rulesetAt", second) for second in (0, at - 1, at, 2**40)] == [RULESET, RULESET, NEXT, NEXT]
    with pytest.raises(Refused, match="RulesetAlreadyPublished"):
        program.send(rules, "publishAddendum", NEXT, RULESET, "uri")
    with pytest.raises(Refused, match="RulesetAlreadyPublished"):
        program.send(rules, "publishAddendum", NEXT, NEXT, "uri")


# --- GUARD and ADMIN -------------------------------------------------------------------------------------------------


def test_a_pause_is_over_in_its_last_second_and_never_stops_the_way_out(program: Program) -> None:
    reasons(program, entry(alice, 1, 5))
    done = program.send(guard, "pause")
    end = done.named("Paused")[0]["until"]
    until(program, end - 1)
    with pytest.raises(Refused, match="EnforcedPause"):
        program.settle([])
    program.settle([])
    assert program.now == end
    program.send(guard, "pause")
    bind(program, alice, bob)
    assert program.balance(bob) == 5


def test_a_frozen_balance_neither_expires_nor_leaves_its_freeze_behind(program: Program) -> None:
    reasons(program, entry(alice, 1, 9))
    bind(program, alice, bob, expires_at=program.now + 10)
    program.wait(100)
    program.send(guard, "setFrozen", bob.address, True)
    assert reasons(program, entry(bob, 3, 1), entry(bob, 1, 1)) == {0: 2, 1: 2}
    give_back(program, bob, bob)
    assert reasons(program, entry(bob, 2, 1), entry(bob, 9, 1)) == {0: 2, 1: 2}
    bind(program, bob, charlie)
    assert [program.ask("accountOf", one.address)["isFrozen"] for one in (bob, charlie)] == [True, True]
    redeem(program, charlie, 9)


def test_between_announcement_and_sunset_nothing_expires_however_often_it_is_moved(program: Program) -> None:
    reasons(program, entry(alice, 1, 9), entry(charlie, 1, 9))
    bind(program, charlie, charlie, expires_at=program.now + 10)
    program.wait(100)
    at = program.now + SUNSET_NOTICE + 10
    program.send(admin, "announceSunset", at)
    until(program, at - 1)
    program.send(admin, "announceSunset", at + DAY)
    assert reasons(program, entry(alice, 3, 1), entry(charlie, 3, 1), entry(alice, 1, 1)) == {0: 8, 1: 8}
    until(program, at + DAY - 1)
    assert reasons(program, entry(alice, 3, 1), entry(alice, 1, 1)) == {0: 8}
    words = [entry(alice, 3, 1), entry(charlie, 3, 1), entry(alice, 1, 1), entry(alice, 7, 1), entry(alice, 2, 1)]
    assert reasons(program, *words, entry(alice, 5, 1), entry(alice, 9, 1), entry(alice, 10, 1)) == {2: 8, 3: 8}
    assert program.now == at + DAY
    redeem(program, charlie, 1)
