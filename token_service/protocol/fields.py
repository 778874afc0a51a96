"""Reading JSON objects and writing ABI words strictly: the small checks that receipts, promises and calldata share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from token_service.errors import InvalidInput, Place
from token_service.protocol.hashing import checksum_address, from_hex, hash_to_bytes, to_hex

LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999."""


def uint(value: int, bits: int) -> bytes:
    """A 32-byte word holding 0 ≤ value < 2^bits. Raises InvalidInput for anything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise InvalidInput(f"a whole number of at most {bits} bits is needed")
    return value.to_bytes(32)


def whole(document: Mapping[str, object], name: str, most: int) -> int:
    """The member `name`, a whole number between 0 and `most`."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _wrong(name, f"a whole number between 0 and {most} is needed")
    return value


def text(document: Mapping[str, object], name: str) -> str:
    """The member `name`, a string that is not empty."""
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(name, "a text is needed")
    return value


def address(document: Mapping[str, object], name: str) -> str:
    """The member `name`, an address, in EIP-55 form."""
    try:
        return checksum_address(text(document, name))
    except InvalidInput as error:
        raise _wrong(name, error.detail) from error


def hash32(document: Mapping[str, object], name: str) -> str:
    """The member `name`, 32 bytes in lower-case hex."""
    try:
        return to_hex(hash_to_bytes(text(document, name)))
    except InvalidInput as error:
        raise _wrong(name, error.detail) from error


def time_text(unix_seconds: int) -> str:
    """RFC 3339 in UTC, whole seconds, ending in Z; the number in words when no calendar reaches so far."""
    if not 0 <= unix_seconds <= LAST_SECOND:
        return f"{unix_seconds} seconds after 1970"
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_time(document: Mapping[str, object], name: str) -> int:
    """The member `name`, an RFC 3339 time with a zone, in whole seconds since 1970 (fractions are cut)."""
    try:
        moment = datetime.fromisoformat(text(document, name))
    except ValueError as error:
        raise _wrong(name, "a time like 2026-11-22T12:00:00Z is needed") from error
    if moment.tzinfo is None:
        raise _wrong(name, "the time needs a zone")
    return int(moment.timestamp())


def items(document: Mapping[str, object], name: str) -> Sequence[object]:
    """The member `name`, a list."""
    value = document.get(name)
    if not isinstance(value, list):
        raise _wrong(name, "a list is needed")
    return value


def mapping(value: object, name: str) -> Mapping[str, object]:
    """The value itself when it is a JSON object."""
    if not isinstance(value, dict):
        raise _wrong(name, "a JSON object is needed")
    return value


def signature_bytes(signature: str) -> bytes:
    """The 65 bytes of a signature in hex. Raises InvalidInput for another length."""
    raw = from_hex(signature)
    if len(raw) != 65:
        raise InvalidInput("a signature has 65 bytes")
    return raw


def _wrong(name: str, detail: str) -> InvalidInput:
    return InvalidInput(f"{name}: {detail}", places=(Place("/" + name, detail),))
