"""Members' salt keys and the openings in receipt files, sealed with one symmetric key that lies outside the database.

The web process holds this box, because every promise commits to a salted detail. An opening is sealed under a key derived
from the member's own salt key: when that is deleted (erasure), the copies in receipt files become unreadable too.
"""

from __future__ import annotations

import hmac
from typing import Final

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from token_service.errors import InvariantBroken

_FINGERPRINT: Final = b"mereau fingerprint v1"
_OPENING: Final = b"mereau opening v1:"


class SaltBox:
    """Seals and opens with libsodium's secretbox (XSalsa20-Poly1305, random nonces)."""

    def __init__(self, key: bytes) -> None:
        self._box = SecretBox(key)
        self._fingerprints = hmac.digest(key, _FINGERPRINT, "sha256")

    def __repr__(self) -> str:
        return "SaltBox(…)"

    def seal(self, plain: bytes) -> bytes:
        return bytes(self._box.encrypt(plain))

    def open(self, sealed: bytes) -> bytes:
        """Raises InvariantBroken if it was sealed with another key or changed since."""
        return _decrypt(self._box, sealed)

    def fingerprint(self, kind: str, text: str) -> str:
        """What is kept of a text that people could guess: the same for the same text, and nothing without the key."""
        return hmac.digest(self._fingerprints, f"{kind}:{text}".encode(), "sha256").hex()

    def seal_opening(self, sealed_salt_key: bytes | None, leaf_id: str, detail: bytes) -> bytes | None:
        """The detail of one leaf, sealed for the receipt file; None for a member whose salt key is erased."""
        if sealed_salt_key is None:
            return None
        return bytes(self._opening_box(sealed_salt_key, leaf_id).encrypt(detail))

    def open_opening(self, sealed_salt_key: bytes, leaf_id: str, sealed: bytes) -> bytes:
        """The detail back. Raises InvariantBroken as `open` does."""
        return _decrypt(self._opening_box(sealed_salt_key, leaf_id), sealed)

    def _opening_box(self, sealed_salt_key: bytes, leaf_id: str) -> SecretBox:
        return SecretBox(hmac.digest(self.open(sealed_salt_key), _OPENING + leaf_id.encode(), "sha256"))


def _decrypt(box: SecretBox, sealed: bytes) -> bytes:
    try:
        return bytes(box.decrypt(sealed))
    except CryptoError:
        raise InvariantBroken("a sealed value does not open: it was changed, or sealed with another key") from None
