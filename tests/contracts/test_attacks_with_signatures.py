"""What holders, relayers and contract accounts try with signatures and allowances, and what is left of it."""

from __future__ import annotations

import pytest
from contract_attacks import deployed_code, reasons
from contract_chains import Anvil
from contract_program import (
    BIND,
    NO_DEADLINE,
    NOTICE,
    REDEEM,
    Program,
    Refused,
    admin,
    alice,
    bind,
    bob,
    charlie,
    entry,
    give_back,
    redeem,
    sign,
)

from token_service.protocol.hashing import keccak256

REWARD = b"\x22" * 32


def test_no_signature_works_a_second_time_on_the_way_out_back_and_out_again(program: Program) -> None:
    reasons(program, entry(alice, 1, 50))
    values = (alice.address, bob.address, 0, 0, NO_DEADLINE)
    old = [sign(program, one, "Bind", BIND, *values) for one in (alice, bob)]
    quote = sign(program, bob, "Redeem", REDEEM, bob.address, 5, 7, REWARD, 1, NO_DEADLINE)
    bind(program, alice, bob)
    program.send(charlie, "redeemWithSignature", bob.address, 5, 7, REWARD, NO_DEADLINE, quote)
    give_back(program, bob, alice)
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, *old)
    bind(program, alice, bob)
    assert [program.ask("nonces", one.address) for one in (alice, bob)] == [2, 4]
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "redeemWithSignature", bob.address, 5, 7, REWARD, NO_DEADLINE, quote)
    assert program.balance(bob) == 45


def test_points_cannot_be_bound_where_nobody_can_sign(program: Program) -> None:
    reasons(program, entry(alice, 1, 50))
    for target in ("0x" + "0" * 40, "0x" + program.address.hex(), "0x" + "0" * 39 + "1"):
        values = (alice.address, target, 0, 0, NO_DEADLINE)
        mine = sign(program, alice, "Bind", BIND, *values)
        for theirs in (mine, b"", b"\0" * 65):
            with pytest.raises(Refused, match="InvalidSignature"):
                program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, mine, theirs)


def test_a_contract_account_cannot_act_while_its_signature_is_asked_for(program: Program) -> None:
    """Its isValidSignature calls invalidateNonce() and then says yes: the call is static, so nothing comes of it."""
    invalidate = keccak256(b"invalidateNonce()")[:4].hex()
    calls_back = f"63{invalidate}60e01b5f525f5f60045f5f73{program.address.hex()}5af150"
    code = bytes.fromhex(calls_back + "631626ba7e60e01b5f5260205ff3")
    address = "0x" + deployed_code(program, code).hex()
    reasons(program, entry(alice, 1, 50))
    values = (alice.address, address, 0, 0, NO_DEADLINE)
    mine = sign(program, alice, "Bind", BIND, *values)
    program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, mine, b"")
    done = program.send(charlie, "redeemWithSignature", address, 20, 7, REWARD, NO_DEADLINE, b"")
    assert [event.name for event in done.events] == ["Transfer", "Redeemed"]
    assert (program.ask("nonces", address), program.balance(address)) == (2, 30)


def test_an_allowance_opens_no_account_in_custody(program: Program) -> None:
    reasons(program, entry(alice, 1, 50), entry(bob, 1, 1))
    bind(program, bob, bob)
    program.send(admin, "openTransfers")
    program.send(alice, "approve", charlie.address, 2**256 - 1)
    program.wait(NOTICE)
    for call in (("transferFrom", alice.address, bob.address, 1), ("transferFrom", bob.address, alice.address, 0)):
        with pytest.raises(Refused, match="NotSelfCustody"):
            program.send(charlie, *call)
    assert program.ask("detectTransferRestriction", alice.address, bob.address, 1) == 4


def test_a_signature_of_before_a_fork_is_worthless_after_it(anvil_program: Program) -> None:
    program = anvil_program
    chain = program.chain
    assert isinstance(chain, Anvil)
    program.settle([entry(alice, 1, 50)])
    bind(program, alice, bob)
    call = (bob.address, 5, 7, REWARD, NO_DEADLINE)
    old = sign(program, bob, "Redeem", REDEEM, *call[:4], 1, NO_DEADLINE)
    chain.fork_to(chain.chain_id + 1)
    with pytest.raises(Refused, match="InvalidSignature"):
        program.send(charlie, "redeemWithSignature", *call, old)
    assert program.ask("eip712Domain")["chainId"] == chain.chain_id
    redeem(program, bob, 5)
