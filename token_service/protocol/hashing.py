"""Keccak-256, and the one text form that addresses and hashes have in Méreau.

Addresses are EIP-55 text ("0x" + 40 hex digits, mixed case) wherever protocol hands them out; any case is taken in.
Hashes, roots and commitments are "0x" + 64 lower-case hex digits. Bytes appear only inside trees and calldata.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from token_service.errors import InvalidInput

try:
    from sha3 import keccak_256 as _keccak_256
except ImportError:  # no wheel of it for this machine: the same, eight times as slow for short inputs
    from Crypto.Hash import keccak as _keccak

    def _keccak_256(data: bytes) -> _keccak.Keccak_Hash:
        return _keccak.new(data=data, digest_bits=256)


ZERO_ADDRESS: Final = "0x" + "0" * 40
ZERO_HASH: Final = "0x" + "0" * 64
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def keccak256(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest that Ethereum uses (not NIST SHA3-256)."""
    digest: bytes = _keccak_256(data).digest()
    return digest


@lru_cache(maxsize=65_536)
def checksum_address(address: str) -> str:
    """The EIP-55 form of an address given in any case. Raises InvalidInput unless it is 0x + 40 hex digits."""
    if not isinstance(address, str) or _ADDRESS.fullmatch(address) is None:
        raise InvalidInput("an address is 0x and 40 hexadecimal digits")
    lower = address[2:].lower()
    digest = keccak256(lower.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(lower, digest, strict=False))


def address_from_bytes(raw: bytes) -> str:
    """EIP-55 text of 20 bytes. Raises InvalidInput for another length."""
    return checksum_address("0x" + raw.hex())


def address_to_bytes(address: str) -> bytes:
    """The 20 bytes of an address in any case. Raises InvalidInput."""
    if not isinstance(address, str) or _ADDRESS.fullmatch(address) is None:
        raise InvalidInput("an address is 0x and 40 hexadecimal digits")
    return bytes.fromhex(address[2:])


def hash_to_bytes(text: str) -> bytes:
    """The 32 bytes of "0x" + 64 hex digits in any case. Raises InvalidInput."""
    if not isinstance(text, str) or _HASH.fullmatch(text) is None:
        raise InvalidInput("a hash is 0x and 64 hexadecimal digits")
    return bytes.fromhex(text[2:])


def to_hex(raw: bytes) -> str:
    """ "0x" and lower-case hex digits, two a byte: the text form of hashes, roots, signatures and calldata."""
    return "0x" + raw.hex()


def from_hex(text: str) -> bytes:
    """The bytes of "0x…" text of any even length. Raises InvalidInput."""
    if not isinstance(text, str) or _HEX.fullmatch(text) is None:
        raise InvalidInput("bytes are written as 0x and an even number of hexadecimal digits")
    return bytes.fromhex(text[2:])


def text_hash(text: str) -> str:
    """Keccak-256 of UTF-8 text as a hash: how ruleset documents, role names and error signatures are named."""
    return to_hex(keccak256(text.encode("utf-8")))
