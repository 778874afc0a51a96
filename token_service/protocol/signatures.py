"""Whose 65-byte signature lies over a digest: what a wallet, a promise key or a member's own key answers."""

from __future__ import annotations

from typing import Final

import coincurve

from token_service.protocol.hashing import address_from_bytes, keccak256

SIGNATURE_BYTES: Final = 65
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The address whose key signed the 32 bytes; v may be 0, 1, 27 or 28. None for what no key signs, or with a high s
    (EIP-2).
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (0, 1, 27, 28):
        return None
    if int.from_bytes(signature[32:64]) > _HALF_ORDER:
        return None
    compact = signature[:64] + bytes([signature[64] % 27])
    try:
        public = coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception:  # coincurve raises bare Exceptions for numbers that are no signature
        return None
    return address_from_bytes(keccak256(public.format(compressed=False)[1:])[12:])


def for_contract(signature: bytes) -> bytes:
    """The signature with v as 27 or 28, which is all that contracts take; bytes of another length as they are."""
    if len(signature) == SIGNATURE_BYTES and signature[64] in (0, 1):
        return signature[:64] + bytes([signature[64] + 27])
    return signature
