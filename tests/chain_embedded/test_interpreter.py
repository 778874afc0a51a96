"""The faster interpreter gives what py-evm's own gives, program by program."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_programme import Programme
from eth.vm import opcode_values as codes
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from machines import CONTRACT, MACHINES, OTHER, SENDER, new_machine, replica_of

from token_service.chain.embedded.instructions import INSTRUCTIONS

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's word on a code that any program may hold
DATA = bytes(range(200, 256)) * 3
INSIDE = bytes.fromhex("60015460010160015560206000f3")
"""What OTHER runs: one more into its slot 1, and a word of zeroes returned."""


def run(machine: Any, code: bytes, gas: int) -> dict[str, Any]:
    """All that can be told of a frame from outside, and its stack and memory unless it failed."""
    vm = new_machine(machine, {CONTRACT: code, OTHER: INSIDE})
    frame = vm.execute_bytecode(
        origin=None, gas_price=1, gas=gas, to=CONTRACT, sender=SENDER, value=3, data=DATA, code=code
    )
    told = {
        "burns": frame.should_burn_gas,
        "reverted": frame.is_error and not frame.should_burn_gas,
        "gas_used": frame.get_gas_used(),
        "gas_refund": frame.get_gas_refund(),
        "output": bytes(frame.output),
        "return_data": bytes(frame.return_data),
        "logs": frame.get_log_entries(),
        "slots": [vm.state.get_storage(account, slot) for account in (CONTRACT, OTHER) for slot in range(4)],
    }
    if not frame.is_error:
        values = [int.from_bytes(value) if isinstance(value, bytes) else value for value in frame._stack.values]
        told |= {"stack": values, "memory": frame.memory_read_bytes(0, len(frame._memory))}
    return told


def check(code: bytes, gas: int = 1_000_000) -> dict[str, Any]:
    slow, fast = (run(machine, code, gas) for machine in MACHINES)
    assert fast == slow
    return fast


def pushed(value: int) -> bytes:
    return bytes((codes.PUSH32,)) + value.to_bytes(32)


words = st.one_of(
    st.integers(0, 70),
    st.sampled_from([255, 256, 257, 2**31, 2**64 - 1, 2**255 - 1, 2**255, 2**256 - 2, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
)
frequent = st.sampled_from(sorted(INSTRUCTIONS)).map(lambda code: bytes((code,)))
small_pushes = st.integers(0, 90).map(lambda value: bytes((codes.PUSH1, value)))
any_instruction = st.sampled_from(sorted(PRAGUE_OPCODES)).map(lambda code: bytes((code,)))
pieces = st.one_of(
    words.map(pushed), small_pushes, frequent, frequent, any_instruction, st.just(bytes((codes.JUMPDEST,))),
    st.binary(max_size=3),
)  # fmt: skip
programs = st.lists(pieces, max_size=60).map(b"".join)
CALL_OTHER = b"".join(pushed(value) for value in (64, 0, 8, 4, 0, int.from_bytes(OTHER), 50_000)) + b"\xf1"


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode present")
@settings(max_examples=150)
@given(program=programs, gas=st.sampled_from([0, 20, 200, 3_000, 60_000]))
def test_it_runs_any_program_as_py_evm_does(program: bytes, gas: int) -> None:
    check(program, gas)


@settings(max_examples=120)
@given(data=st.data(), opcode=st.sampled_from(sorted(set(INSTRUCTIONS) - {codes.JUMP, codes.JUMPI})))
def test_each_instruction_gives_what_py_evm_gives(data: st.DataObject, opcode: int) -> None:
    values = data.draw(st.lists(words, min_size=0, max_size=18))
    check(b"".join(map(pushed, values)) + bytes((opcode,)))


@given(target=st.integers(0, 12), condition=words, padding=st.binary(max_size=6))
@example(target=2**64, condition=1, padding=b"")
def test_a_jump_lands_where_py_evm_lands(target: int, condition: int, padding: bytes) -> None:
    landing = padding + bytes((codes.JUMPDEST, codes.PUSH1, codes.JUMPDEST, codes.JUMPDEST))
    check(pushed(condition) + pushed(66 + target) + bytes((codes.JUMPI,)) + landing)
    check(pushed(34 + target) + bytes((codes.JUMP,)) + landing)


@pytest.mark.parametrize("kind", range(33))
def test_a_push_that_the_code_cuts_off_is_filled_with_zeroes(kind: int) -> None:
    told = check(bytes((codes.PUSH0 + kind, *[0xAB] * (kind // 2))))
    assert len(told["stack"]) == 1


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("instruction", [codes.PUSH1, codes.DUP1, codes.PUSH0])
def test_a_stack_holds_1024_words_and_no_more(instruction: int, over: int) -> None:
    one = bytes((instruction, 1)) if instruction == codes.PUSH1 else bytes((instruction,))
    told = check(b"\x5f" + one * (1023 + over))
    assert told["burns"] is bool(over)


def test_a_loop_ends_when_its_gas_ends() -> None:
    assert check(bytes.fromhex("5b5f56"), gas=50_000)["burns"]


def test_a_call_into_another_contract_is_py_evms() -> None:
    told = check(CALL_OTHER + bytes.fromhex("5f51") + CALL_OTHER)
    assert told["slots"][5] == 9
    assert told["stack"][0] == 1


def test_memory_is_paid_for_as_it_grows() -> None:
    used = [check(pushed(7) + pushed(start) + b"\x52" + pushed(start) + b"\x51")["gas_used"] for start in (0, 1, 9_000)]
    assert used == sorted(set(used))


def test_memory_out_of_reach_takes_all_gas() -> None:
    assert check(pushed(7) + pushed(2**255) + b"\x52")["burns"]
    assert check(pushed(2**256 - 1) + b"\x51")["burns"]


def test_py_evms_own_machine_takes_every_block_of_a_programme(settled: Programme) -> None:
    plain = replica_of(settled.chain)
    with settled.chain.view() as view:
        for number in range(1, view.head().block_number + 1):
            block = view.block(view.header(number))
            plain.import_block(block)
        assert plain.get_canonical_head().hash == view.head().hash
