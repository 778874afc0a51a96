"""Batches: what is applied, what is skipped and why, what reverts as a whole."""

from __future__ import annotations

import pytest
from contract_chains import PyEvm
from contract_program import (
    DAY,
    RULESET,
    Program,
    Refused,
    admin,
    alice,
    bind,
    bob,
    charlie,
    entry,
    guard,
    redeem,
    second_settler,
    settler,
)
from eth_abi import encode

from token_service.protocol.hashing import keccak256


def test_each_kind_moves_points_and_its_total(program: Program) -> None:
    words = [(1, 100), (2, 10), (3, 11), (4, 12), (5, 5), (6, 7), (7, 20), (8, 3), (9, 9), (10, 4)]
    done = program.settle([entry(alice, kind, amount) for kind, amount in words])
    assert list(program.ask("totals").values()) == [100, 10, 11, 12, 5, 7, 20, 3, 9, 4, 0]
    assert program.balance(alice) == program.ask("totalSupply") == 129 - 52
    settled = done.named("BatchSettled")
    assert settled == [
        {
            "operator": settler.address,
            "seq": 1,
            "rulesetHash": RULESET,
            "receiptsRoot": b"\x11" * 32,
            "count": 10,
            "minted": 129,
            "burned": 52,
        }
    ]
    assert len(done.named("Transfer")) == 10


def test_a_batch_of_facts_has_no_entries(program: Program) -> None:
    done = program.settle([])
    assert done.named("BatchSettled")[0]["count"] == 0
    assert program.ask("lastSeq", settler.address) == 1
    assert program.ask("nextSeq", settler.address) == 2


def test_a_sequence_applies_once_and_none_is_left_out(program: Program) -> None:
    program.settle([entry(alice, 1, 5)], seq=1)
    for given in (0, 1, 3):
        with pytest.raises(Refused) as refused:
            program.settle([entry(alice, 1, 5)], seq=given)
        assert (refused.value.name, refused.value.values) == ("BatchOutOfSequence", (2, given))
    program.settle([], signer=second_settler, seq=1)
    assert program.balance(alice) == 5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([entry(alice, 0, 5)], 1),
        ([entry(alice, 11, 5)], 1),
        ([entry(alice, 255, 5)], 1),
        ([entry(alice, 1, 0)], 1),
        ([entry(alice, 1, 2**53)], 1),
        ([entry("0x" + "0" * 40, 1, 5)], 1),
        ([entry(alice, 2, 1)], 4),
        ([entry(alice, 1, 5, party=0)], 5),
        ([entry(alice, 7, 5, party=99)], 5),
        ([entry(alice, 5, 1)], 9),
        ([entry(alice, 10, 1)], 10),
    ],
)
def test_a_bad_entry_is_skipped_alone(program: Program, words: list[int], reason: int) -> None:
    done = program.settle([entry(bob, 1, 7), *words, entry(bob, 1, 8)])
    assert done.named("EntrySkipped") == [{"operator": settler.address, "seq": 1, "index": 1, "reason": reason}]
    assert program.balance(bob) == 15
    assert program.balance(alice) == 0


def test_a_frozen_account_is_skipped_both_ways(program: Program) -> None:
    program.settle([entry(alice, 1, 5)])
    assert program.send(guard, "setFrozen", alice.address, True).named("FreezeChanged") == [
        {"account": alice.address, "isFrozen": True}
    ]
    done = program.settle([entry(alice, 1, 5), entry(alice, 2, 5)])
    assert [event["reason"] for event in done.named("EntrySkipped")] == [2, 2]


def test_restorations_and_moves_in_are_bounded_by_what_went_out_in_the_same_batch(program: Program) -> None:
    words = [(1, 100), (2, 10), (5, 10), (5, 1), (6, 3), (5, 3), (5, 1), (9, 4), (10, 5), (10, 4)]
    done = program.settle([entry(alice, kind, amount) for kind, amount in words])
    assert [(event["index"], event["reason"]) for event in done.named("EntrySkipped")] == [(3, 9), (6, 9), (8, 10)]


def test_a_signed_redemption_can_be_restored(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    bind(program, alice, bob)
    redeem(program, bob, 30)
    done = program.settle([entry(bob, 5, 30), entry(bob, 5, 1)])
    assert [event["index"] for event in done.named("EntrySkipped")] == [1]
    assert program.balance(bob) == 100


def test_many_parties_mixed_in_a_batch_are_each_counted(program: Program) -> None:
    for party in range(2, 40):
        program.send(admin, "registerParty", party, "M", 100, DAY)
    words = [entry(bob, 7 if n % 5 == 0 else 1, 30, party=1 + n * 7 % 41) for n in range(160)]
    skipped = {event["index"] for event in program.settle(words).named("EntrySkipped")}
    for party in range(2, 40):
        mine = [i for i, word in enumerate(words) if word >> 64 & 0xFFFFFF == party]
        assert program.ask("partyOf", party)["issued"] == 30 * min(3, len(mine)) <= 100
        assert [i for i in mine if i in skipped] == mine[3:]


def test_only_a_settler_settles_and_only_directly(program: Program) -> None:
    with pytest.raises(Refused) as refused:
        program.settle([], signer=alice)
    assert refused.value.name == "AccessControlUnauthorizedAccount"
    sender, origin = bytes.fromhex(settler.address[2:]), bytes.fromhex(alice.address[2:])
    assert isinstance(program.chain, PyEvm)
    with pytest.raises(Refused) as refused:
        program.ask_as(sender, origin, "settle", 1, RULESET, b"\0" * 32, [])
    assert refused.value.name == "IndirectCall"


def test_a_batch_names_a_ruleset_in_force(program: Program) -> None:
    with pytest.raises(Refused) as refused:
        program.settle([], ruleset=keccak256(b"never published"))
    assert refused.value.name == "RulesetNotInForce"


@pytest.mark.parametrize(("kind", "slot", "shift"), [(1, 0, 0), (7, 1, 128)])
def test_a_total_that_would_overflow_reverts_the_batch(program: Program, kind: int, slot: int, shift: int) -> None:
    assert isinstance(program.chain, PyEvm)
    first = program.slot("_totals")
    program.chain.set_storage(program.address, first + slot, (2**64 - 10) << shift)
    program.settle([entry(alice, kind, 9)])
    with pytest.raises(Refused) as refused:
        program.settle([entry(alice, kind, 1)])
    assert (refused.value.name, refused.value.values) == ("TotalsOverflow", (kind,))


def test_no_field_of_an_account_word_spills_into_another(program: Program) -> None:
    assert isinstance(program.chain, PyEvm)
    word = 2**128 - 100 | (2**64 - 2) << 128 | (2**40 - 1) << 192 | 1 << 232
    place = int.from_bytes(keccak256(encode(["address", "uint256"], [alice.address, program.slot("_accounts")])))
    program.chain.set_storage(program.address, place, word)
    program.settle([])
    expected = {
        "balance": 2**128 - 100,
        "nonce": 2**64 - 2,
        "selfCustodyExpiresAt": 2**40 - 1,
        "isSelfCustody": True,
        "isFrozen": False,
    }
    assert program.ask("accountOf", alice.address) == expected
    program.settle([entry(alice, 1, 99)])
    assert program.ask("accountOf", alice.address) == expected | {"balance": 2**128 - 1}
    program.send(alice, "invalidateNonce")
    assert program.ask("accountOf", alice.address) == expected | {"balance": 2**128 - 1, "nonce": 2**64 - 1}
    with pytest.raises(Refused):
        program.settle([entry(charlie, 1, 1)], seq=1)


def test_a_receipt_is_verified_against_its_root(program: Program) -> None:
    receipt = (settler.address, 1, 0, alice.address, 1, 1, 50, b"\x33" * 32)
    types = ["uint256", "address", "address", "uint64", "uint256", "address", "uint8", "uint24", "uint64", "bytes32"]
    address = "0x" + program.address.hex()
    leaf = keccak256(keccak256(encode(types, [program.chain.chain_id, address, *receipt])))
    sibling = keccak256(b"sibling")
    root = keccak256(min(leaf, sibling) + max(leaf, sibling))
    assert program.ask("verifyReceipt", root, receipt, [sibling]) is True
    assert program.ask("verifyReceipt", leaf, receipt, []) is True
    assert program.ask("verifyReceipt", root, (*receipt[:6], 51, receipt[7]), [sibling]) is False
