"""ERC-20 and ERC-1404: transfers are off, then only between own keys; the prediction is what happens."""

from __future__ import annotations

import pytest
from contract_program import (
    NOTICE,
    Program,
    Refused,
    admin,
    alice,
    bind,
    bob,
    charlie,
    entry,
    guard,
    settler,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ZERO = "0x" + "0" * 40
ERRORS = [
    "", "TransfersDisabled", "EnforcedPause", "ERC20InvalidReceiver", "NotSelfCustody", "NotSelfCustody",
    "AccountFrozen", "AccountFrozen", "ERC20InsufficientBalance",
]  # fmt: skip


def open_between_alice_and_bob(program: Program) -> None:
    program.settle([entry(alice, 1, 100), entry(bob, 1, 100), entry(charlie, 1, 100)])
    bind(program, alice, alice)
    bind(program, bob, bob)
    program.send(admin, "openTransfers")
    program.wait(NOTICE)


def test_transfers_are_off(program: Program) -> None:
    program.settle([entry(alice, 1, 5)])
    with pytest.raises(Refused, match="TransfersDisabled"):
        program.send(alice, "transfer", bob.address, 1)
    assert program.ask("detectTransferRestriction", alice.address, bob.address, 1) == 1


def test_they_open_after_notice_for_good(program: Program) -> None:
    done = program.send(admin, "openTransfers")
    assert done.named("TransfersOpening") == [{"at": program.now + NOTICE}]
    assert program.ask("transfersOpenAt") == program.now + NOTICE
    with pytest.raises(Refused, match="TransfersAlreadyOpening"):
        program.send(admin, "openTransfers")


def test_self_custody_accounts_transfer(program: Program) -> None:
    open_between_alice_and_bob(program)
    done = program.send(alice, "transfer", bob.address, 30)
    assert done.named("Transfer") == [{"from": alice.address, "to": bob.address, "value": 30}]
    assert (program.balance(alice), program.balance(bob)) == (70, 130)
    program.send(alice, "transfer", alice.address, 70)
    program.send(alice, "transfer", bob.address, 0)
    assert program.balance(alice) == 70


def test_a_spender_transfers_within_the_allowance(program: Program) -> None:
    open_between_alice_and_bob(program)
    done = program.send(alice, "approve", charlie.address, 30)
    assert done.named("Approval") == [{"owner": alice.address, "spender": charlie.address, "value": 30}]
    program.send(charlie, "transferFrom", alice.address, bob.address, 20)
    assert program.ask("allowance", alice.address, charlie.address) == 10
    with pytest.raises(Refused, match="ERC20InsufficientAllowance"):
        program.send(charlie, "transferFrom", alice.address, bob.address, 11)
    program.send(alice, "approve", charlie.address, 2**256 - 1)
    program.send(charlie, "transferFrom", alice.address, bob.address, 80)
    assert program.ask("allowance", alice.address, charlie.address) == 2**256 - 1
    with pytest.raises(Refused, match="ERC20InvalidSpender"):
        program.send(alice, "approve", ZERO, 1)


def test_every_code_has_its_sentence(program: Program) -> None:
    sentences = [program.ask("messageForTransferRestriction", code) for code in range(10)]
    assert sentences[0] == "No restriction"
    assert sentences[9] == program.ask("messageForTransferRestriction", 255) == "Unknown code"
    assert len(set(sentences)) == 10
    assert all(sentence.isascii() and sentence.strip("\0") == sentence for sentence in sentences)


people = st.sampled_from([alice, bob, charlie])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    is_open=st.booleans(),
    is_paused=st.booleans(),
    frozen=st.sets(people, max_size=1),
    source=people,
    target=st.one_of(people.map(lambda one: one.address), st.just(ZERO)),
    amount=st.sampled_from([0, 1, 100, 101, 2**128, 2**256 - 1]),
)
def test_the_prediction_is_exactly_what_happens(
    program: Program, is_open: bool, is_paused: bool, frozen: set[object], source: object, target: str, amount: int
) -> None:
    before = program.snapshot()
    try:
        open_between_alice_and_bob(program)
        if not is_open:
            program.wait(-NOTICE)
        for one in frozen:
            program.send(guard, "setFrozen", one.address, True)
        program.send(guard, "pause") if is_paused else program.send(charlie, "approve", settler.address, 1)
        code = program.ask("detectTransferRestriction", source.address, target, amount)
        for signer, call in ((source, ("transfer",)), (charlie, ("transferFrom", source.address))):
            if signer is charlie:
                program.send(source, "approve", charlie.address, 2**256 - 1)
            holding = program.snapshot()
            name = ""
            try:
                program.send(signer, *call, target, amount)
            except Refused as refused:
                name = refused.name
            assert name == ERRORS[code]
            program.revert(holding)
    finally:
        program.revert(before)
