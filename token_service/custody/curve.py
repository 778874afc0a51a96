"""secp256k1 as Ethereum uses it: addresses of keys, and signatures of 32-byte digests with the recovery bit at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coincurve import PrivateKey, PublicKey

from token_service.protocol.hashing import address_from_bytes, keccak256

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def address_of(private_key: bytes) -> str:
    """The EIP-55 address of a private key. Raises ValueError for bytes that are no key."""
    return address_of_point(PrivateKey(private_key).public_key.format(compressed=False))


def address_of_point(point: bytes) -> str:
    """The EIP-55 address of an uncompressed public key, 65 bytes that begin with 4."""
    if len(point) != 65 or point[0] != 4:
        raise ValueError("an uncompressed point has 65 bytes")
    return address_from_bytes(keccak256(point[1:])[12:])


def sign(private_key: bytes, digest: bytes) -> bytes:
    """65 bytes r ‖ s ‖ v over the digest, deterministic (RFC 6979), low s, v in 0 … 1."""
    return prepared(private_key)(digest)


def prepared(private_key: bytes) -> Callable[[bytes], bytes]:
    """`sign` with this key, which is taken in once: that costs more than a signature. Raises ValueError for what is no key."""
    key = PrivateKey(private_key)

    def signed(digest: bytes) -> bytes:
        if len(digest) != 32:
            raise ValueError("a digest has 32 bytes")
        signature: bytes = key.sign_recoverable(digest, hasher=None)
        return signature

    return signed


def signer_of(signature: bytes, digest: bytes) -> str | None:
    """Whose signature it is; None for what no key of this curve signs, or with a high s (EIP-2: nodes refuse it)."""
    if len(signature) != SIGNATURE_BYTES or int.from_bytes(signature[32:64]) > ORDER // 2:
        return None
    try:
        point: bytes = PublicKey.from_signature_and_message(signature, digest, hasher=None).format(compressed=False)
    except Exception:  # coincurve raises bare Exceptions and ValueErrors
        return None
    return address_of_point(point)


def from_numbers(r: int, s: int, digest: bytes, address: str) -> bytes | None:
    """The 65 bytes of a signature without its recovery bit: low s, the bit found by trying. None if it is not `address`'s."""
    if not (0 < r < ORDER and 0 < s < ORDER):
        return None
    s = min(s, ORDER - s)
    for bit in (0, 1):
        signature = r.to_bytes(32) + s.to_bytes(32) + bytes([bit])
        if signer_of(signature, digest) == address:
            return signature
    return None
