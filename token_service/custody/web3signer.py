"""Keys in a web3signer (Consensys): `POST /api/v1/eth1/sign/IDENTIFIER` with the unsigned bytes, which it hashes itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import requests

from token_service.custody import curve
from token_service.errors import BadSettings, SignatureRejected, SignerUnavailable
from token_service.protocol.hashing import keccak256

SECONDS: Final = 10
ANSWER_BYTES_MAX: Final = 1000
IDENTIFIER_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Web3SignerKey:
    """One key of a web3signer; the identifier is its public key in hex, as web3signer lists it."""

    url: str = field(repr=False)
    """May hold a password."""
    identifier: str
    point: bytes

    @classmethod
    def open(cls, text: str) -> Web3SignerKey:
        """From `URL#IDENTIFIER`. Raises BadSettings."""
        url, _, identifier = text.partition("#")
        digits = identifier.removeprefix("0x")
        try:
            point = bytes.fromhex(digits)
        except ValueError:
            point = b""
        if urlsplit(url).scheme not in ("http", "https") or len(point) != IDENTIFIER_BYTES:
            raise BadSettings("a web3signer key is web3signer:URL#IDENTIFIER, the identifier its 128-digit public key")
        return cls(url.rstrip("/"), identifier, b"\x04" + point)

    def address(self) -> str:
        return curve.address_of_point(self.point)

    def sign(self, payload: bytes) -> bytes:
        path = f"{self.url}/api/v1/eth1/sign/{self.identifier}"
        try:
            answer = requests.post(
                path,
                json={"data": "0x" + payload.hex()},
                headers={"Accept": "text/plain"},
                timeout=SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:  # its text may hold the address with a password
            raise SignerUnavailable(f"web3signer does not answer: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise SignerUnavailable(f"web3signer answered {answer.status_code}")
        return self._checked(answer.content[:ANSWER_BYTES_MAX], payload)

    def _checked(self, content: bytes, payload: bytes) -> bytes:
        try:
            found = bytes.fromhex(content.decode("ascii").strip().strip('"').removeprefix("0x"))
        except ValueError:
            found = b""
        digest = keccak256(payload)
        r, s = int.from_bytes(found[:32]), int.from_bytes(found[32:64])
        signature = curve.from_numbers(r, s, digest, self.address()) if len(found) == curve.SIGNATURE_BYTES else None
        if signature is None:
            raise SignatureRejected("web3signer answered with something that is not this key's signature")
        return signature
