"""Promises: the service's signed word that an entry will be settled by a time (CONTRACT §2).

A promise is signed with the promise key (secp256k1, 65 bytes r ‖ s ‖ v with v = 0 or 1) over `digest`: keccak256 of
ten ABI words, the first of which names this use so that no other signature of ours can be taken for a promise. The
signer is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import coincurve

from token_service.errors import InvalidInput
from token_service.protocol import fields
from token_service.protocol.hashing import (
    address_from_bytes,
    address_to_bytes,
    checksum_address,
    hash_to_bytes,
    keccak256,
    to_hex,
)

DOMAIN: Final = keccak256(b"Mereau promise v1")


@dataclass(frozen=True, slots=True)
class Promise:
    """A leaf without its position, and the time by which it is on the chain.

    `entry_id` is the service's id of the entry or fact; `settle_by` seconds since 1970 UTC, compared with block
    timestamps.
    """

    chain_id: int
    contract: str
    entry_id: str
    account: str
    kind: int
    party: int
    amount: int
    commitment: str
    settle_by: int


@dataclass(frozen=True, slots=True)
class SignedPromise:
    """A promise with its 65-byte signature; `signature` is "0x" + 130 hex digits."""

    promise: Promise
    signature: str


def digest(promise: Promise) -> bytes:
    """The 32 bytes that the promise key signs. Raises InvalidInput for malformed fields."""
    words = (
        DOMAIN,
        fields.uint(promise.chain_id, 256),
        bytes(12) + address_to_bytes(promise.contract),
        keccak256(promise.entry_id.encode("utf-8")),
        bytes(12) + address_to_bytes(promise.account),
        fields.uint(promise.kind, 8),
        fields.uint(promise.party, 24),
        fields.uint(promise.amount, 64),
        hash_to_bytes(promise.commitment),
        fields.uint(promise.settle_by, 64),
    )
    return keccak256(b"".join(words))


def recover(promise: Promise, signature: bytes) -> str:
    """The address whose key signed the promise; v may be 0, 1, 27 or 28. Raises InvalidInput for what is no
    signature.
    """
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        raise InvalidInput("a promise's signature has 65 bytes, the last one 0 or 1")
    compact = signature[:64] + bytes([signature[64] % 27])
    try:
        key = coincurve.PublicKey.from_signature_and_message(compact, digest(promise), hasher=None)
    except Exception as error:  # coincurve raises the bare Exception class when no point fits
        raise InvalidInput("the promise's signature is not valid") from error
    return address_from_bytes(keccak256(key.format(compressed=False)[1:])[12:])


def verify(signed: SignedPromise, signer: str) -> bool:
    """True if the promise carries `signer`'s signature. Raises InvalidInput for malformed fields."""
    return recover(signed.promise, fields.signature_bytes(signed.signature)) == checksum_address(signer)


def to_json(signed: SignedPromise) -> dict[str, object]:
    """The `promise` object of API answers; what `mereau verify` reads."""
    promise = signed.promise
    return {
        "object": "promise",
        "v": 1,
        "chain_id": promise.chain_id,
        "contract": promise.contract,
        "entry_id": promise.entry_id,
        "account": promise.account,
        "kind": promise.kind,
        "party": promise.party,
        "amount": promise.amount,
        "commitment": promise.commitment,
        "settle_by": fields.time_text(promise.settle_by),
        "signature": signed.signature,
    }


def from_json(document: Mapping[str, object]) -> SignedPromise:
    """A promise read back from its JSON object. Raises InvalidInput that names the field."""
    entry_id = fields.text(document, "entry_id")
    promise = Promise(
        chain_id=fields.whole(document, "chain_id", 2**53 - 1),
        contract=fields.address(document, "contract"),
        entry_id=entry_id,
        account=fields.address(document, "account"),
        kind=fields.whole(document, "kind", 10),
        party=fields.whole(document, "party", 2**24 - 1),
        amount=fields.whole(document, "amount", 2**53 - 1),
        commitment=fields.hash32(document, "commitment"),
        settle_by=fields.unix_time(document, "settle_by"),
    )
    signature = fields.text(document, "signature")
    return SignedPromise(promise, to_hex(fields.signature_bytes(signature)))
