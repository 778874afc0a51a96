"""Signs what the policy allows, with keys that stay inside: the same calls here and through a socket (signer_socket.py)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from token_service.custody import curve
from token_service.custody.accounts import seal_key
from token_service.custody.backends import KeyBackend
from token_service.custody.policy import SignerPolicy
from token_service.custody.signing_record import Asked, SigningRecord
from token_service.custody.vault import Vault
from token_service.errors import (
    InvalidInput,
    InvariantBroken,
    MereauError,
    NotInitialised,
    PolicyRefused,
    SignatureRejected,
    SignerUnavailable,
)
from token_service.protocol import interface, typed_data
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.calldata import decode_settle
from token_service.protocol.hashing import keccak256
from token_service.protocol.transactions import Transaction
from token_service.units import CREDIT_KINDS

PASSPHRASE_CHARACTERS_MIN: Final = 12
RESEAL_MAX: Final = 500
EVERYBODY: Final = "members"
"""What the record calls those whose keys are sealed anew: not one of them by name."""


class Signer(Protocol):
    """What the rest of the service asks of custody."""

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        """The raw bytes to send. Raises PolicyRefused, SignerUnavailable."""
        ...

    def sign_bind(self, member: SealedMember, bind: Bind) -> bytes:
        """65 bytes r ‖ s ‖ v (v 0 … 1) of the member's key. Raises PolicyRefused, SignerUnavailable, InvariantBroken."""
        ...

    def export_keystore(self, member: SealedMember, passphrase: str) -> str:
        """The member's key as keystore v3 JSON under their own passphrase; plain, it never leaves the signer."""
        ...

    def reseal(self, members: Sequence[SealedMember]) -> list[bytes]:
        """The same keys sealed for the newest sealing key; a box that is so already comes back as it is."""
        ...

    def counts(self) -> dict[str, int]:
        """Today's verdicts: signed, refused (a limit), denied (the policy)."""
        ...


class LocalSigner:
    """The vault's keys, a policy before each signature, and a record of both; no record in tests that do not ask for one."""

    def __init__(self, vault: Vault, policy: Callable[[], SignerPolicy], record: SigningRecord | None = None) -> None:
        self._vault, self._policy, self._record = vault, policy, record

    def __repr__(self) -> str:
        return f"LocalSigner({self._vault})"

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        return assemble(address, transaction, self.signature(address, transaction))

    def signature(self, address: str, transaction: Transaction) -> bytes:
        """65 bytes over the transaction. Raises PolicyRefused, SignerLimitReached, SignerUnavailable."""
        asked = _asked(address, transaction)

        def check() -> None:
            self._policy().check(address, transaction)
            if asked.function == "settle" and asked.seq is None:
                raise PolicyRefused("the settle call is malformed")
            self._key(address)

        self._admit(asked, check)
        payload = transaction.payload()
        try:
            signature = self._key(address).sign(payload)
        except MereauError as failed:
            if self._record is not None:
                self._record.fail(asked, failed.detail)
            raise
        if curve.signer_of(signature, keccak256(payload)) != address:
            raise SignatureRejected("a key does not sign for its address", address=address)
        return signature

    def sign_bind(self, member: SealedMember, bind: Bind) -> bytes:
        policy = self._policy()
        if policy.contract is None:
            raise PolicyRefused("there is no contract yet that a member could leave with")
        key = self._open(member, "bind")
        return curve.sign(key, digest_of(bind, member.address, policy.chain_id, policy.contract))

    def export_keystore(self, member: SealedMember, passphrase: str) -> str:
        from eth_account import Account

        if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
            raise InvalidInput(f"the passphrase has fewer than {PASSPHRASE_CHARACTERS_MIN} characters")
        return json.dumps(Account.encrypt(self._open(member, "export"), passphrase))

    def reseal(self, members: Sequence[SealedMember]) -> list[bytes]:
        if len(members) > RESEAL_MAX:
            raise InvalidInput(f"at most {RESEAL_MAX} keys are sealed anew at once")
        self._admit(Asked(EVERYBODY, "reseal"), lambda: None)
        box = self._vault.member_box()
        return [
            each.sealed_key
            if box.is_current(each.sealed_key)
            else seal_key(box.public, box.open(each.sealed_key, address=each.address))
            for each in members
        ]

    def counts(self) -> dict[str, int]:
        return {} if self._record is None else self._record.counts()

    def _key(self, address: str) -> KeyBackend:
        """Raises SignerUnavailable for a key whose file is not there: it may be copied back, and others sign meanwhile."""
        try:
            return self._vault.key(address)
        except NotInitialised as missing:
            raise SignerUnavailable(missing.detail) from missing

    def _open(self, member: SealedMember, function: str) -> bytes:
        """The key, counted once its box has opened: made-up members use nothing up. Raises InvariantBroken, written down as
        denied.
        """
        asked = Asked(member.address, function)
        try:
            key = self._vault.member_box().open(member.sealed_key, address=member.address)
        except InvariantBroken as broken:
            if self._record is not None:
                self._record.refuse(asked, broken.detail)
            raise
        self._admit(asked, lambda: None)
        return key

    def _admit(self, asked: Asked, check: Callable[[], None]) -> None:
        try:
            check()
        except PolicyRefused as refused:
            if self._record is not None:
                self._record.refuse(asked, refused.detail)
            raise
        if self._record is not None:
            self._record.admit(asked)


def digest_of(bind: Bind, address: str, chain_id: int, contract: str) -> bytes:
    """What the member's key signs."""
    return typed_data.bind_digest(
        typed_data.domain_separator(chain_id, contract),
        from_address=address,
        to_address=bind.to_address,
        expires_at=bind.expires_at,
        nonce=bind.nonce,
        deadline=bind.deadline,
    )


def assemble(address: str, transaction: Transaction, signature: bytes) -> bytes:
    """The raw bytes: the caller's own fields under a signature that is its address's, or none at all.

    Raises SignatureRejected for the signature of another key or of other fields, before anything is stored.
    """
    if curve.signer_of(signature, keccak256(transaction.payload())) != address:
        raise SignatureRejected("the signer answered with a signature that is not this account's over this transaction")
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    return transaction.signed(y_parity=signature[64], r=r, s=s)


def _asked(address: str, transaction: Transaction) -> Asked:
    """What the record says of a transaction."""
    if transaction.to is None:
        return Asked(address, "deploy", transaction.nonce)
    selector = transaction.data[:4]
    names = (name for name, function in interface.functions().items() if function.selector == selector)
    name = next(names, "0x" + selector.hex())
    with suppress(InvalidInput):  # a malformed settle call has no sequence, and is refused for that
        call = decode_settle(transaction.data)
        if call is not None:
            points = sum(word & 0xFFFF_FFFF_FFFF_FFFF for word in call.words if word >> 88 & 0xFF in CREDIT_KINDS)
            return Asked(address, name, transaction.nonce, call.seq, call.receipts_root, points)
    return Asked(address, name, transaction.nonce)


class PromiseSigner:
    """Signs promises (and nothing that a chain would take): 65 bytes over a 32-byte digest."""

    def __init__(self, key: bytes) -> None:
        self._sign = curve.prepared(key)
        self.address = curve.address_of(key)

    def __repr__(self) -> str:
        return f"PromiseSigner({self.address})"

    def __call__(self, digest: bytes) -> bytes:
        return self._sign(digest)
