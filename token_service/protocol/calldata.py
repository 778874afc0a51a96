"""Transactions to the contract as bytes, and back: settle by hand and fast, every other function from one table of
signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from token_service.errors import InvalidInput
from token_service.protocol import abi, fields, interface
from token_service.protocol.hashing import hash_to_bytes, to_hex
from token_service.protocol.words import EntryWord, pack

SETTLE: Final = "settle(uint64,bytes32,bytes32,uint256[])"
_SETTLE_SELECTOR: Final = abi.selector(SETTLE)
_SETTLE_OFFSET: Final = (4 * 32).to_bytes(32)


@dataclass(frozen=True, slots=True)
class SettleCall:
    """What a settle transaction carries. `words` are as sent, also those that the contract skips: `words.unpack`
    reads them.
    """

    seq: int
    ruleset_hash: str
    receipts_root: str
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of any function: its name and its arguments by the contract's names."""

    name: str
    arguments: dict[str, abi.Value]


def encode_settle(seq: int, ruleset_hash: str, receipts_root: str, entries: Sequence[EntryWord]) -> bytes:
    """The input of a settle transaction. Raises InvalidInput for an entry that the contract would skip as a bad
    word.
    """
    return encode_settle_words(seq, ruleset_hash, receipts_root, [pack(entry) for entry in entries])


def encode_settle_words(seq: int, ruleset_hash: str, receipts_root: str, words: Sequence[int]) -> bytes:
    """The same over words that are packed already, good or bad. Raises InvalidInput for what is no uint256."""
    try:
        packed = b"".join([word.to_bytes(32) for word in words])
    except OverflowError as error:
        raise InvalidInput("an entry word has 256 bits") from error
    head = (fields.uint(seq, 64), hash_to_bytes(ruleset_hash), hash_to_bytes(receipts_root), _SETTLE_OFFSET)
    return b"".join((_SETTLE_SELECTOR, *head, len(words).to_bytes(32), packed))


def decode_settle(data: bytes) -> SettleCall | None:
    """The settle call that this input carries, None for another function. Raises InvalidInput where the contract
    would revert.
    """
    if data[:4] != _SETTLE_SELECTOR:
        return None
    body = memoryview(data)[4:]
    if len(body) < 4 * 32:
        raise InvalidInput("the settle call is too short")
    seq = int.from_bytes(body[:32])
    start = int.from_bytes(body[96:128])
    if seq >> 64 or start + 32 > len(body):
        raise InvalidInput("the settle call is malformed")
    count = int.from_bytes(body[start : start + 32])
    end = start + 32 + 32 * count
    if end > len(body):
        raise InvalidInput("the settle call counts more words than it carries")
    words = tuple(int.from_bytes(body[i : i + 32]) for i in range(start + 32, end, 32))
    return SettleCall(seq, to_hex(bytes(body[32:64])), to_hex(bytes(body[64:96])), words)


def encode_call(name: str, *arguments: abi.Value) -> bytes:
    """The input of a transaction or eth_call: `encode_call("setCeiling", party, ceiling, period)`.

    A struct's fields are given one after the other. Raises InvalidInput for an unknown function, a wrong count, type or
    range.
    """
    signature = _function(name)
    return signature.selector + abi.encode(signature.kinds, arguments)


def decode_call(data: bytes) -> Call | None:
    """The call that this input carries, None for no function of the contract. Raises InvalidInput where it would
    revert.
    """
    signature = interface.functions_by_selector().get(bytes(data[:4]))
    if signature is None:
        return None
    values = abi.decode(signature.kinds, data[4:])
    return Call(signature.name, {f.name: v for f, v in zip(signature.fields, values, strict=True)})


def decode_result(name: str, data: bytes) -> dict[str, abi.Value]:
    """What an eth_call of this function returned, by the contract's names; a lone unnamed result is `value`."""
    results = _function(name).results
    values = abi.decode([field.kind for field in results], data)
    return {field.name: value for field, value in zip(results, values, strict=True)}


def _function(name: str) -> interface.Signature:
    signature = interface.functions().get(name)
    if signature is None:
        raise InvalidInput(f"the contract has no function {name}")
    return signature
