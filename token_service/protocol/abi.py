"""The part of Ethereum's contract ABI that LoyaltyPoints uses, by hand: web3's codec is some 300 times slower (DESIGN
§5).

Types: uintN, bool, address, bytesN, bytes, string, and arrays of one-word types (`uint256[]`, `bytes32[]`). Values:
int, bool, EIP-55 text for addresses, "0x…" text for bytesN, bytes for bytes, str, lists. Decoding follows Solidity's
decoder: offsets may point anywhere inside the data, bytes behind the last value are ignored, dirty high bits are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, cast

from token_service.errors import InvalidInput
from token_service.protocol import fields
from token_service.protocol.hashing import address_from_bytes, address_to_bytes, from_hex, keccak256, to_hex

Value = int | bool | str | bytes | Sequence[int] | Sequence[str]
Encoder = Callable[[Value], bytes]
Decoder = Callable[[bytes], Value]
WORD: Final = 32


@lru_cache(maxsize=512)
def selector(signature: str) -> bytes:
    """The first four bytes of the hash of `name(type,…)`: how calls and custom errors are told apart."""
    return keccak256(signature.encode())[:4]


@lru_cache(maxsize=512)
def topic(signature: str) -> str:
    """The hash of `Name(type,…)`: the first topic of an event's logs."""
    return to_hex(keccak256(signature.encode()))


def is_dynamic(kind: str) -> bool:
    """True for types whose value stands behind the heads."""
    return kind in ("bytes", "string") or kind.endswith("[]")


def encode(types: Sequence[str], values: Sequence[Value]) -> bytes:
    """The ABI encoding of the values. Raises InvalidInput for a wrong count, type or range."""
    if len(types) != len(values):
        raise InvalidInput(f"{len(types)} values are needed")
    heads, tails, offset = [], [], WORD * len(types)
    for kind, value in zip(types, values, strict=True):
        if not is_dynamic(kind):
            heads.append(_word_codec(kind)[0](value))
            continue
        tail = _encode_dynamic(kind, value)
        heads.append(offset.to_bytes(WORD))
        tails.append(tail)
        offset += len(tail)
    return b"".join(heads + tails)


def decode(types: Sequence[str], data: bytes) -> tuple[Value, ...]:
    """The values of ABI-encoded data. Raises InvalidInput where Solidity would revert."""
    if len(data) < WORD * len(types):
        raise InvalidInput("the ABI data is too short")
    return tuple(
        _decode_dynamic(kind, data, place) if is_dynamic(kind) else decode_word(kind, data[place : place + WORD])
        for kind, place in zip(types, range(0, WORD * len(types), WORD), strict=True)
    )


def decode_word(kind: str, word: bytes) -> Value:
    """The value of one 32-byte word, as in a head or in an indexed topic. Raises InvalidInput."""
    return _word_codec(kind)[1](word)


def _encode_dynamic(kind: str, value: Value) -> bytes:
    if kind.endswith("[]"):
        if isinstance(value, (str, bytes, int)):
            raise InvalidInput(f"a list is needed for {kind}")
        to_word = _word_codec(kind[:-2])[0]
        return len(value).to_bytes(WORD) + b"".join(map(to_word, value))
    raw = value.encode("utf-8") if kind == "string" and isinstance(value, str) else value
    if not isinstance(raw, bytes):
        raise InvalidInput(f"a value for {kind} is needed")
    return len(raw).to_bytes(WORD) + raw + bytes(-len(raw) % WORD)


def _decode_dynamic(kind: str, data: bytes, place: int) -> Value:
    start = int.from_bytes(data[place : place + WORD])
    if start + WORD > len(data):
        raise InvalidInput("an ABI offset points outside the data")
    length = int.from_bytes(data[start : start + WORD])
    end = start + WORD + length * (WORD if kind.endswith("[]") else 1)
    if end > len(data):
        raise InvalidInput("an ABI length is larger than the data")
    body = data[start + WORD : end]
    if kind == "bytes":
        return body
    if kind == "string":
        return body.decode("utf-8", errors="replace")  # Solidity takes any bytes: one log must not stop all readers
    from_word = _word_codec(kind[:-2])[1]
    return cast(Value, [from_word(body[i : i + WORD]) for i in range(0, len(body), WORD)])


@lru_cache(maxsize=64)
def _word_codec(kind: str) -> tuple[Encoder, Decoder]:
    """How one-word values of this type are written and read."""
    if kind == "address":
        return _encode_address, _decode_address
    if kind == "bool":
        return _encode_bool, _decode_bool
    if match := re.fullmatch(r"uint(\d+)", kind):
        bits = int(match[1])
        return (lambda value: fields.uint(cast(int, value), bits)), (lambda word: _decode_uint(word, bits))
    if match := re.fullmatch(r"bytes(\d+)", kind):
        size = int(match[1])
        return (lambda value: _encode_fixed(value, size)), (lambda word: _decode_fixed(word, size))
    raise InvalidInput(f"the ABI type {kind} is not one of LoyaltyPoints")


def _encode_address(value: Value) -> bytes:
    return bytes(12) + address_to_bytes(cast(str, value))


def _decode_address(word: bytes) -> str:
    if word[:12] != bytes(12) or len(word) != WORD:
        raise InvalidInput("an ABI address has dirty bits")
    return address_from_bytes(word[12:])


def _encode_bool(value: Value) -> bytes:
    if not isinstance(value, bool):
        raise InvalidInput("true or false is needed")
    return value.to_bytes(WORD)


def _decode_bool(word: bytes) -> bool:
    return bool(_decode_uint(word, 1))


def _decode_uint(word: bytes, bits: int) -> int:
    value = int.from_bytes(word)
    if value >> bits or len(word) != WORD:
        raise InvalidInput(f"an ABI uint{bits} has dirty bits")
    return value


def _encode_fixed(value: Value, size: int) -> bytes:
    raw = from_hex(cast(str, value))
    if len(raw) != size:
        raise InvalidInput(f"{size} bytes in hexadecimal are needed")
    return raw + bytes(WORD - size)


def _decode_fixed(word: bytes, size: int) -> str:
    if word[size:] != bytes(WORD - size) or len(word) != WORD:
        raise InvalidInput(f"an ABI bytes{size} has dirty bits")
    return to_hex(word[:size])
