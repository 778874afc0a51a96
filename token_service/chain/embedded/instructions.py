"""The instructions that a contract runs most, over a stack of plain integers.

py-evm's own cost a microsecond or two each, most of it in calls of calls; nine tenths of what settling runs are these. Gas is
charged by whoever runs them (interpreter.py). An IndexError means that the stack holds too little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from eth.exceptions import FullStack, InvalidJumpDestination
from eth.vm import opcode_values as codes

Instruction = Callable[[Any, list[int], int], int | None]
"""What it does to a frame (interpreter.Frame) and its stack, with its argument; where it jumps to, None if it does not."""

STACK_MAX: Final = 1024
WORD_BITS: Final = 256
WORD_BYTES: Final = 32
WORD_MAX: Final = 2**WORD_BITS - 1
PUSHES: Final = {codes.PUSH0 + size: size for size in range(33)}
"""Bytes that follow each PUSH."""


def push(_: Any, stack: list[int], value: int) -> None:
    if len(stack) >= STACK_MAX:
        raise FullStack("Stack limit reached")
    stack.append(value)


def pop(_: Any, stack: list[int], __: int) -> None:
    stack.pop()


def duplicate(_: Any, stack: list[int], depth: int) -> None:
    if len(stack) >= STACK_MAX:
        raise FullStack("Stack limit reached")
    stack.append(stack[-depth])


def swap(_: Any, stack: list[int], depth: int) -> None:
    stack[-1], stack[-1 - depth] = stack[-1 - depth], stack[-1]


def add(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] = left + stack[-1] & WORD_MAX


def subtract(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] = left - stack[-1] & WORD_MAX


def multiply(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] = left * stack[-1] & WORD_MAX


def is_less(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] = 1 if left < stack[-1] else 0


def is_greater(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] = 1 if left > stack[-1] else 0


def is_equal(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] = 1 if left == stack[-1] else 0


def is_zero(_: Any, stack: list[int], __: int) -> None:
    stack[-1] = 0 if stack[-1] else 1


def both(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] &= left


def either(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] |= left


def differing(_: Any, stack: list[int], __: int) -> None:
    left = stack.pop()
    stack[-1] ^= left


def inverse(_: Any, stack: list[int], __: int) -> None:
    stack[-1] ^= WORD_MAX


def shift_left(_: Any, stack: list[int], __: int) -> None:
    bits = stack.pop()
    stack[-1] = stack[-1] << bits & WORD_MAX if bits < WORD_BITS else 0


def shift_right(_: Any, stack: list[int], __: int) -> None:
    bits = stack.pop()
    stack[-1] = stack[-1] >> bits if bits < WORD_BITS else 0


def jump(frame: Any, stack: list[int], _: int) -> int:
    target = stack.pop()
    if target not in frame.program.targets:
        raise InvalidJumpDestination("Invalid Jump Destination")
    return target


def jump_if(frame: Any, stack: list[int], _: int) -> int | None:
    target = stack.pop()
    if not stack.pop():
        return None
    if target not in frame.program.targets:
        raise InvalidJumpDestination("Invalid Jump Destination")
    return target


def nothing(_: Any, __: list[int], ___: int) -> None:
    """JUMPDEST."""


def load_memory(frame: Any, stack: list[int], _: int) -> None:
    start = stack[-1]
    if start + WORD_BYTES > len(frame.memory):
        frame.computation.extend_memory(start, WORD_BYTES)
    stack[-1] = int.from_bytes(frame.memory.read(start, WORD_BYTES))


def store_memory(frame: Any, stack: list[int], _: int) -> None:
    start, value = stack.pop(), stack.pop()
    if start + WORD_BYTES > len(frame.memory):
        frame.computation.extend_memory(start, WORD_BYTES)
    frame.memory._bytes[start : start + WORD_BYTES] = value.to_bytes(
        WORD_BYTES
    )  # its `write` looks at four things again


def load_calldata(frame: Any, stack: list[int], _: int) -> None:
    start = stack[-1]
    stack[-1] = int.from_bytes(frame.calldata[start : start + WORD_BYTES].ljust(WORD_BYTES, b"\x00"))


INSTRUCTIONS: Final[Mapping[int, tuple[Instruction, int]]] = {
    **{codes.DUP1 + place: (duplicate, place + 1) for place in range(16)},
    **{codes.SWAP1 + place: (swap, place + 1) for place in range(16)},
    codes.POP: (pop, 0),
    codes.ADD: (add, 0),
    codes.SUB: (subtract, 0),
    codes.MUL: (multiply, 0),
    codes.LT: (is_less, 0),
    codes.GT: (is_greater, 0),
    codes.EQ: (is_equal, 0),
    codes.ISZERO: (is_zero, 0),
    codes.AND: (both, 0),
    codes.OR: (either, 0),
    codes.XOR: (differing, 0),
    codes.NOT: (inverse, 0),
    codes.SHL: (shift_left, 0),
    codes.SHR: (shift_right, 0),
    codes.JUMP: (jump, 0),
    codes.JUMPI: (jump_if, 0),
    codes.JUMPDEST: (nothing, 0),
    codes.MLOAD: (load_memory, 0),
    codes.MSTORE: (store_memory, 0),
    codes.CALLDATALOAD: (load_calldata, 0),
}
"""Each with its argument; PUSH takes its own from the code."""
