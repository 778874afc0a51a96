"""secp256k1 as Ethereum uses it: addresses of keys, and signatures of 32-byte digests with the recovery bit at the end."""

from __future__ import annotations

from typing import Final

from coincurve import PrivateKey

from token_service.protocol.hashing import address_from_bytes, keccak256

KEY_BYTES: Final = 32


def address_of(private_key: bytes) -> str:
    """The EIP-55 address of a private key. Raises ValueError for bytes that are no key."""
    point: bytes = PrivateKey(private_key).public_key.format(compressed=False)
    return address_from_bytes(keccak256(point[1:])[12:])


def sign(private_key: bytes, digest: bytes) -> bytes:
    """65 bytes r ‖ s ‖ v over the digest, deterministic (RFC 6979), low s, v in 0 … 1."""
    if len(digest) != 32:
        raise ValueError("a digest has 32 bytes")
    signature: bytes = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return signature
