"""Members' accounts: one random key each, sealed at once with a public key, so that whoever makes it cannot open it again.

The web process has the public half (`new_account`); only the signer has the opening half (`MemberBox`) (DESIGN §7).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from coincurve import PrivateKey
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey as SealingKey
from nacl.public import PublicKey, SealedBox

from token_service.custody.curve import KEY_BYTES, address_of
from token_service.errors import InvariantBroken


@dataclass(frozen=True, slots=True)
class SealedAccount:
    """A fresh address and its private key as a libsodium sealed box."""

    address: str
    sealed_key: bytes = field(repr=False)


def new_account(seal_public: bytes) -> SealedAccount:
    """A random account; the key is forgotten here as soon as it is sealed."""
    key: bytes = PrivateKey().secret
    return SealedAccount(address_of(key), seal_key(seal_public, key))


def seal_key(seal_public: bytes, key: bytes) -> bytes:
    """The key as a box that only the opening half opens."""
    return bytes(SealedBox(PublicKey(seal_public)).encrypt(key))


class MemberBox:
    """Opens members' keys, in the signer only. While the sealing key rotates it has the newest and the one before."""

    def __init__(self, sealing_key: bytes, *older: bytes) -> None:
        self.public = bytes(SealingKey(sealing_key).public_key)
        self._boxes = [SealedBox(SealingKey(key)) for key in (sealing_key, *older)]

    def __repr__(self) -> str:
        return "MemberBox(…)"

    def is_current(self, sealed_key: bytes) -> bool:
        """True if the newest key opens it."""
        return _opened(self._boxes[0], sealed_key) is not None

    def open(self, sealed_key: bytes, *, address: str) -> bytes:
        """The private key of `address`. Raises InvariantBroken if the box holds anything else."""
        key = next((key for box in self._boxes if (key := _opened(box, sealed_key)) is not None), None)
        if key is None:
            raise InvariantBroken("a sealed member key does not open")
        if len(key) != KEY_BYTES or address_of(key) != address:
            raise InvariantBroken("a sealed member key belongs to another address")
        return key


def _opened(box: SealedBox[SealingKey], sealed_key: bytes) -> bytes | None:
    try:
        return bytes(box.decrypt(sealed_key))
    except CryptoError:
        return None
