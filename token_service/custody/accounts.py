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
    return SealedAccount(address_of(key), bytes(SealedBox(PublicKey(seal_public)).encrypt(key)))


class MemberBox:
    """Opens members' keys. Lives in the signer process only."""

    def __init__(self, sealing_key: bytes) -> None:
        self._box = SealedBox(SealingKey(sealing_key))

    def __repr__(self) -> str:
        return "MemberBox(…)"

    def open(self, sealed_key: bytes, *, address: str) -> bytes:
        """The private key of `address`. Raises InvariantBroken if the box holds anything else."""
        try:
            key = bytes(self._box.decrypt(sealed_key))
        except CryptoError:
            raise InvariantBroken("a sealed member key does not open") from None
        if len(key) != KEY_BYTES or address_of(key) != address:
            raise InvariantBroken("a sealed member key belongs to another address")
        return key
