from __future__ import annotations

import dataclasses
import json

import coincurve
import pytest
from eth_abi import encode
from eth_keys import keys
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import promises
from token_service.protocol.hashing import to_hex
from token_service.protocol.promises import Promise, SignedPromise

from . import strategies

KEY = b"\x05" * 32
SIGNER = keys.PrivateKey(KEY).public_key.to_checksum_address()
promise_strategy = st.builds(
    Promise,
    chain_id=st.integers(1, 2**52),
    contract=strategies.addresses,
    entry_id=st.text(min_size=1, max_size=30),
    account=strategies.addresses,
    kind=st.integers(0, 10),
    party=strategies.uint24,
    amount=st.integers(0, 2**53 - 1),
    commitment=strategies.hashes,
    settle_by=st.integers(0, 4_000_000_000),
)


def sign(promise: Promise) -> SignedPromise:
    signature = coincurve.PrivateKey(KEY).sign_recoverable(promises.digest(promise), hasher=None)
    return SignedPromise(promise, to_hex(signature))


@given(promise_strategy)
def test_the_digest_is_that_of_the_documented_abi_tuple(promise: Promise) -> None:
    values = [
        keccak(b"Mereau promise v1"), promise.chain_id, promise.contract, keccak(text=promise.entry_id),
        promise.account, promise.kind, promise.party, promise.amount, bytes.fromhex(promise.commitment[2:]),
        promise.settle_by, ]  # fmt: skip
    types = ["bytes32", "uint256", "address", "bytes32", "address", "uint8", "uint24", "uint64", "bytes32", "uint64"]
    assert promises.digest(promise) == keccak(encode(types, values))


@given(promise_strategy)
def test_a_signed_promise_goes_through_json_and_names_its_signer(promise: Promise) -> None:
    read = promises.from_json(json.loads(json.dumps(promises.to_json(sign(promise)))))
    assert read == sign(promise)
    assert promises.verify(read, SIGNER.lower())
    assert promises.recover(read.promise, bytes.fromhex(read.signature[2:])) == SIGNER


@given(promise_strategy, st.sampled_from(["amount", "settle_by", "kind", "party", "chain_id"]))
def test_no_field_can_be_changed_under_the_signature(promise: Promise, name: str) -> None:
    changed = dataclasses.replace(promise, **{name: getattr(promise, name) ^ 1})
    assert not promises.verify(SignedPromise(changed, sign(promise).signature), SIGNER)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), b"\xff" * 65, bytes(64) + b"\x02"])
def test_it_refuses_what_is_no_signature(signature: bytes) -> None:
    with pytest.raises(InvalidInput):
        promises.recover(_promise(), signature)


def test_signatures_with_27_and_28_are_read_too() -> None:
    raw = bytearray(bytes.fromhex(sign(_promise()).signature[2:]))
    raw[64] += 27
    assert promises.recover(_promise(), bytes(raw)) == SIGNER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settle_by", "2026-11-22T12:00:00"), ("settle_by", "soon"), ("settle_by", 5), ("kind", 11), ("entry_id", ""),
        ("entry_id", None), ("signature", "0x12"), ("commitment", None), ("amount", 1.5), ("contract", "0x0"),
    ],
)  # fmt: skip
def test_it_names_the_malformed_field(name: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        promises.from_json({**promises.to_json(sign(_promise())), name: value})


def _promise() -> Promise:
    return Promise(7, "0x" + "1" * 40, "ent_01", "0x" + "2" * 40, 1, 1, 50, "0x" + "3" * 64, 1_800_000_000)
