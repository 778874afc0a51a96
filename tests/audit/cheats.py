"""What no honest chain allows: another code for a while, or another word in the contract's storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from token_service.protocol import abi
from token_service.protocol.hashing import keccak256, to_hex

from .programme import Programme

EMITS_WHAT_IT_IS_SENT = "0x" + "60603560005260403560203560003560206000a300"
"""Runtime code: LOG3 with the first three words of the input as topics and the fourth as data."""
SLOTS_MAX = 40


@contextmanager
def other_code(programme: Programme, code: str) -> Iterator[None]:
    """Another code at the contract's address, and the right one again."""
    right = programme.rpc("eth_getCode", programme.contract, "latest")
    programme.rpc("anvil_setCode", programme.contract, code)
    yield
    programme.rpc("anvil_setCode", programme.contract, right)


@contextmanager
def other_word(
    programme: Programme, kind: str, key: abi.Value, is_it: Callable[[int], bool], change: Callable[[int], int]
) -> Iterator[None]:
    """Another word in the mapping whose word at `key` is recognised by `is_it`, and then that word again."""
    slot, word = find_word(programme, kind, key, is_it)
    programme.rpc("anvil_setStorageAt", programme.contract, slot, to_hex(change(word).to_bytes(32)))
    yield
    programme.rpc("anvil_setStorageAt", programme.contract, slot, to_hex(word.to_bytes(32)))


def find_word(programme: Programme, kind: str, key: abi.Value, is_it: Callable[[int], bool]) -> tuple[str, int]:
    """Slot and word of a mapping's value, whichever mapping of the contract it is."""
    for place in range(SLOTS_MAX):
        slot = to_hex(keccak256(abi.encode([kind, "uint256"], [key, place])))
        word = int(programme.rpc("eth_getStorageAt", programme.contract, slot, "latest"), 16)
        if word and is_it(word):
            return slot, word
    raise AssertionError("no such word")
