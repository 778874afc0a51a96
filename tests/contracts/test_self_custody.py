"""What a holder does with their own signature, and what nobody can do to them."""

from __future__ import annotations

import pytest
from contract_chains import PyEvm
from contract_program import (
    BIND,
    DAY,
    NO_DEADLINE,
    REDEEM,
    RETURN,
    Program,
    Refused,
    alice,
    bind,
    bob,
    charlie,
    entry,
    give_back,
    guard,
    redeem,
    settler,
    sign,
)

from token_service.protocol.hashing import keccak256

REWARD = b"\x22" * 32
# Runtime code that answers 0x1626ba7e to anything: an ERC-1271 wallet that accepts every signature.
WALLET = bytes.fromhex("631626ba7e60e01b5f5260205ff3")


def test_points_go_under_an_own_key_and_back(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    done = bind(program, alice, bob, expires_at=program.now + DAY)
    assert done.named("Transfer") == [{"from": alice.address, "to": bob.address, "value": 100}]
    bound = {"from": alice.address, "to": bob.address, "amount": 100, "expiresAt": program.now - 1 + DAY}
    assert done.named("SelfCustodyBound") == [bound]
    assert program.ask("accountOf", bob.address)["isSelfCustody"]
    assert program.ask("nonces", alice.address) == program.ask("nonces", bob.address) == 1
    done = give_back(program, bob, alice)
    assert done.named("ReturnedToCustody") == [{"from": bob.address, "to": alice.address, "amount": 100}]
    assert program.balance(alice) == program.ask("totalSupply") == 100


def test_one_signature_is_enough_for_the_same_address(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    values = (alice.address, alice.address, 0, 0, NO_DEADLINE)
    signature = sign(program, alice, "Bind", BIND, *values)
    done = program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, signature, b"")
    assert done.named("Transfer") == []
    with pytest.raises(Refused, match="AlreadySelfCustody"):
        bind(program, alice, alice)
    assert give_back(program, alice, alice).named("Transfer") == []
    assert program.ask("accountOf", alice.address) == {
        "balance": 100,
        "nonce": 2,
        "selfCustodyExpiresAt": 0,
        "isSelfCustody": False,
        "isFrozen": False,
    }


def test_both_must_sign_exactly_this(program: Program) -> None:
    values = (alice.address, bob.address, 5, 0, NO_DEADLINE)
    good = [sign(program, one, "Bind", BIND, *values) for one in (alice, bob)]
    wrong = sign(program, charlie, "Bind", BIND, *values)
    for signatures in ([wrong, good[1]], [good[0], wrong], [good[0], b""], [good[0], good[0]]):
        with pytest.raises(Refused, match="InvalidSignature"):
            program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, *signatures)
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "bindSelfCustody", alice.address, bob.address, 6, NO_DEADLINE, *good)
    with pytest.raises(Refused, match="SignatureExpired"):
        program.send(charlie, "bindSelfCustody", *values[:3], program.now, *good)
    program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, *good)
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, *good)


def test_the_destination_is_empty_and_unflagged(program: Program) -> None:
    program.settle([entry(alice, 1, 5), entry(bob, 1, 5)])
    with pytest.raises(Refused, match="DestinationNotEmpty"):
        bind(program, alice, bob)
    bind(program, bob, bob)
    with pytest.raises(Refused, match="DestinationNotEmpty"):
        give_back(program, bob, alice)
    with pytest.raises(Refused, match="NotSelfCustody"):
        give_back(program, alice, charlie)
    nobody = "0x" + "0" * 40
    signature = sign(program, bob, "Return", RETURN, bob.address, nobody, 1, NO_DEADLINE)
    with pytest.raises(Refused, match="ERC20InvalidReceiver"):
        program.send(charlie, "returnToCustody", bob.address, nobody, NO_DEADLINE, signature)


def test_a_pause_does_not_close_the_way_out_or_back(program: Program) -> None:
    program.settle([entry(alice, 1, 5)])
    program.send(guard, "pause")
    bind(program, alice, bob)
    with pytest.raises(Refused, match="EnforcedPause"):
        redeem(program, bob, 1)
    program.send(bob, "invalidateNonce")
    give_back(program, bob, alice)


def test_a_freeze_follows_the_points_and_never_stops_a_signed_redemption(program: Program) -> None:
    program.settle([entry(alice, 1, 5)])
    program.send(guard, "setFrozen", alice.address, True)
    bind(program, alice, bob)
    assert program.ask("accountOf", bob.address)["isFrozen"]
    redeem(program, bob, 2)
    with pytest.raises(Refused, match="AccountFrozen"):
        give_back(program, bob, charlie)
    give_back(program, bob, bob)
    assert program.ask("accountOf", bob.address)["isFrozen"]


@pytest.mark.parametrize("kind", [2, 3, 4, 6, 8, 9])
def test_no_operator_lowers_a_self_custody_balance(program: Program, kind: int) -> None:
    program.settle([entry(alice, 1, 5)])
    bind(program, alice, bob)
    done = program.settle([entry(bob, kind, 1), entry(bob, 1, 1)])
    assert [event["reason"] for event in done.named("EntrySkipped")] == [3]
    assert program.balance(bob) == 6


def test_only_expiry_takes_and_only_from_its_date_on(program: Program) -> None:
    program.settle([entry(alice, 1, 5)])
    date = program.now + 100
    bind(program, alice, bob, expires_at=date)
    assert program.settle([entry(bob, 3, 1)]).named("EntrySkipped")[0]["reason"] == 3
    program.wait(date - program.now - 1)
    done = program.settle([entry(bob, 2, 1), entry(bob, 3, 4), entry(bob, 3, 2)])
    assert [event["reason"] for event in done.named("EntrySkipped")] == [3, 4]
    assert program.ask("laneOf", settler.address)["debited"] == 0, "no custodial debit"


def test_the_date_is_only_put_off(program: Program) -> None:
    with pytest.raises(Refused, match="NotSelfCustody"):
        program.send(settler, "raiseSelfCustodyExpiry", bob.address, 5)
    date = program.now + 100
    bind(program, alice, bob, expires_at=date)
    for lower in (date, date - 1):
        with pytest.raises(Refused, match="ExpiryNotRaised"):
            program.send(settler, "raiseSelfCustodyExpiry", bob.address, lower)
    done = program.send(settler, "raiseSelfCustodyExpiry", bob.address, date + 1)
    assert done.named("SelfCustodyExpiryRaised") == [{"account": bob.address, "expiresAt": date + 1}]
    with pytest.raises(Refused, match="ExpiryMismatch"):
        bind(program, bob, charlie, expires_at=0)
    program.send(settler, "raiseSelfCustodyExpiry", bob.address, 0)
    with pytest.raises(Refused, match="ExpiryNotRaised"):
        program.send(settler, "raiseSelfCustodyExpiry", bob.address, date + 2)
    bind(program, bob, charlie, expires_at=0)


def test_a_signed_redemption_spends_once(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    bind(program, alice, bob)
    done = redeem(program, bob, 30)
    redeemed = {"account": bob.address, "merchant": 7, "reward": REWARD, "amount": 30, "nonce": 1}
    assert done.named("Redeemed") == [redeemed]
    assert done.named("Transfer") == [{"from": bob.address, "to": "0x" + "0" * 40, "value": 30}]
    assert program.ask("totals")["redeemedBySignature"] == 30
    signature = sign(program, bob, "Redeem", REDEEM, bob.address, 30, 7, REWARD, 2, NO_DEADLINE)
    call = (bob.address, 30, 7, REWARD, NO_DEADLINE, signature)
    for place, other in ((0, alice.address), (1, 31), (2, 8), (3, b"\x23" * 32), (4, NO_DEADLINE - 1)):
        with pytest.raises(Refused, match=r"InvalidSignature|NotSelfCustody"):
            program.send(charlie, "redeemWithSignature", *call[:place], other, *call[place + 1 :])
    program.send(charlie, "redeemWithSignature", *call)
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "redeemWithSignature", *call)


def test_a_high_s_twin_of_a_signature_is_no_signature(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    bind(program, alice, bob)
    good = sign(program, bob, "Redeem", REDEEM, bob.address, 30, 7, REWARD, 1, NO_DEADLINE)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = good[:32] + (order - int.from_bytes(good[32:64])).to_bytes(32) + bytes([55 - good[64]])
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "redeemWithSignature", bob.address, 30, 7, REWARD, NO_DEADLINE, twin)


def test_a_signed_redemption_needs_points_and_self_custody(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    with pytest.raises(Refused, match="NotSelfCustody"):
        redeem(program, alice, 5)
    bind(program, alice, bob)
    for amount, name in ((0, "InvalidAmount"), (2**53, "InvalidAmount"), (101, "ERC20InsufficientBalance")):
        with pytest.raises(Refused, match=name):
            redeem(program, bob, amount)


def test_a_quote_is_cancelled(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    bind(program, alice, bob)
    signature = sign(program, bob, "Redeem", REDEEM, bob.address, 30, 7, REWARD, 1, NO_DEADLINE)
    done = program.send(bob, "invalidateNonce")
    assert done.named("NonceInvalidated") == [{"account": bob.address, "nonce": 2}]
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "redeemWithSignature", bob.address, 30, 7, REWARD, NO_DEADLINE, signature)


def test_a_contract_wallet_signs_by_erc_1271(program: Program) -> None:
    assert isinstance(program.chain, PyEvm)
    program.settle([entry(alice, 1, 100)])
    init = b"\x6d" + WALLET + bytes.fromhex("5f52600e6012f3")
    program.now += 1
    wallet = program.chain.send(charlie, None, init, at=program.now).contract
    assert wallet is not None
    address = "0x" + wallet.hex()
    values = (alice.address, address, 0, 0, NO_DEADLINE)
    signature = sign(program, alice, "Bind", BIND, *values)
    program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, signature, b"anything")
    program.send(charlie, "redeemWithSignature", address, 30, 7, REWARD, NO_DEADLINE, b"")
    assert program.balance(address) == 70


def test_the_signing_domain_is_published(program: Program) -> None:
    domain = program.ask("eip712Domain")
    assert (domain["name"], domain["version"], domain["chainId"]) == ("LoyaltyPoints", "1", program.chain.chain_id)
    assert domain["verifyingContract"] == "0x" + program.address.hex()
    assert keccak256(b"") != domain["salt"]
