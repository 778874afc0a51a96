"""Signs transactions and digests with keys that stay inside. One interface for local keys, later for web3signer and KMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from token_service.custody import curve
from token_service.custody.policy import SignerPolicy
from token_service.errors import PolicyRefused
from token_service.protocol.hashing import keccak256
from token_service.protocol.transactions import Transaction


class Signer(Protocol):
    """What settlement asks of custody."""

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        """The raw bytes to send. Raises PolicyRefused."""
        ...


class LocalSigner:
    """Keys in this process's memory, every transaction checked against a policy first."""

    def __init__(self, keys: Mapping[str, bytes], policy: SignerPolicy) -> None:
        self._keys = dict(keys)
        self._policy = policy

    def __repr__(self) -> str:
        return f"LocalSigner({', '.join(self._keys)})"

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        """The raw bytes to send. Raises PolicyRefused for what the policy forbids or an address without a key."""
        self._policy.check(address, transaction)
        signature = curve.sign(self._key(address), keccak256(transaction.payload()))
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
        return transaction.signed(y_parity=signature[64], r=r, s=s)

    def _key(self, address: str) -> bytes:
        if address not in self._keys:
            raise PolicyRefused("the signer has no key of this address", address=address)
        return self._keys[address]


class PromiseSigner:
    """Signs promises (and nothing that a chain would take): 65 bytes over a 32-byte digest."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.address = curve.address_of(key)

    def __repr__(self) -> str:
        return f"PromiseSigner({self.address})"

    def __call__(self, digest: bytes) -> bytes:
        return curve.sign(self._key, digest)
