"""The 2048-bit Bloom filter in a block's header: which addresses and topics its logs may hold (Ethereum yellow paper, §4.3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from token_service.protocol.hashing import keccak256

BLOOM_BYTES: Final = 256


def bloom_of(items: Iterable[bytes]) -> int:
    """The filter of these addresses (20 bytes) and topics (32 bytes), as a number."""
    bits = 0
    for item in items:
        digest = keccak256(item)
        for place in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[place : place + 2]) & 2047)
    return bits


def may_hold(bloom: int, wanted: int) -> bool:
    """False: none of the block's logs has all of what is wanted. True proves nothing."""
    return bloom & wanted == wanted
