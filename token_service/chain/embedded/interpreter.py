"""py-evm's interpreter, several times as fast and with the same outcome: result, gas, logs and failures of every frame.

py-evm asks a frame's code for one instruction after the other. This code runs the frequent ones itself (instructions.py) and
hands out only the others, so everything rare or deep stays py-evm's. An instruction that fails ends its frame and takes all
of the frame's gas, so the order of checks within one does not show. tests/chain_embedded/test_interpreter.py runs random
programs on both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from eth.exceptions import InsufficientStack, OutOfGas
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.opcode_values import JUMPDEST, PUSH32, STOP

from token_service.chain.embedded.instructions import INSTRUCTIONS, PUSHES, Instruction, push

PROGRAMS_KEPT: Final = 64

Step = tuple[Instruction | None, int, int, int]
"""An instruction, its argument, its gas, and the place of the next one; None hands the code at hand (the argument) to py-evm."""


@dataclass(frozen=True, slots=True)
class Program:
    """Code made ready: the step at each place, and the places that may be jumped to."""

    steps: list[Step]
    targets: frozenset[int]


@lru_cache(PROGRAMS_KEPT)
def program(code: bytes) -> Program:
    """The program of this code. It ends in STOPs, as far as a PUSH at its end may reach."""
    steps: list[Step] = [(None, STOP, 0, place + 1) for place in range(len(code) + 1 + PUSHES[PUSH32])]
    targets = set()
    place = 0
    while place < len(code):
        opcode = code[place]
        following = place + 1 + PUSHES.get(opcode, 0)
        steps[place] = _step(code, place, following)
        if opcode == JUMPDEST:
            targets.add(place)
        place = following
    return Program(steps, frozenset(targets))


def _step(code: bytes, place: int, following: int) -> Step:
    opcode = code[place]
    if opcode in PUSHES:
        value = int.from_bytes(code[place + 1 : following].ljust(PUSHES[opcode], b"\x00"))
        return push, value, PRAGUE_OPCODES[opcode].gas_cost, following
    if opcode in INSTRUCTIONS:
        instruction, argument = INSTRUCTIONS[opcode]
        return instruction, argument, PRAGUE_OPCODES[opcode].gas_cost, following
    return None, opcode, 0, following


class Frame(CodeStream):  # type: ignore[misc]  # py-evm's classes are untyped here
    """The code of one running frame."""

    program_counter: int

    def __init__(self, computation: Any, code: bytes) -> None:
        super().__init__(code)
        self.computation = computation
        self.program = program(code)
        self.memory = computation._memory
        self.meter = computation._gas_meter
        self.stack: list[int] = computation._stack.values
        self.calldata: bytes = computation.msg.data_as_bytes

    def __iter__(self) -> Iterator[int]:
        """Runs what it can; yields each other instruction, with the program counter behind it, to be run by the caller."""
        steps, stack, meter = self.program.steps, self.stack, self.meter
        place = self.program_counter
        try:
            while True:
                instruction, argument, gas, following = steps[place]
                if instruction is None:
                    self.program_counter = following
                    yield argument
                    place = self.program_counter
                    if stack and stack[-1].__class__ is not int:  # py-evm pushes at most one value, perhaps as bytes
                        stack[-1] = int.from_bytes(stack[-1])  # type: ignore[arg-type]
                    continue
                left = meter.gas_remaining - gas
                if left < 0:
                    raise OutOfGas(f"Out of gas: Needed {gas} - Remaining {meter.gas_remaining}")
                meter.gas_remaining = left
                jumped = instruction(self, stack, argument)
                place = following if jumped is None else jumped
        except IndexError as error:
            raise InsufficientStack("Insufficient stack items") from error


class FastComputation(PragueComputation):  # type: ignore[misc]
    """A frame's computation over a Frame."""

    def __init__(self, state: Any, message: Any, transaction_context: Any) -> None:
        super().__init__(state, message, transaction_context)
        self.code = Frame(self, message.code)
