from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import receipts
from token_service.protocol.receipts import LEAF_TYPES, Leaf, Opening

from . import strategies

DETAIL = receipts.jcs({"v": 1, "reference": "till-7/42", "facts": {"total": 2390}})


def test_a_salt_is_the_hmac_of_the_leafs_id() -> None:
    expected = hmac.new(b"k" * 32, b"ent_01", hashlib.sha256).digest()
    assert receipts.salt(b"k" * 32, "ent_01") == expected


def test_a_commitment_hashes_salt_and_canonical_detail() -> None:
    assert receipts.commitment(b"s" * 32, DETAIL) == "0x" + keccak(b"s" * 32 + DETAIL.encode()).hex()


def test_it_refuses_a_short_salt() -> None:
    with pytest.raises(InvalidInput):
        receipts.commitment(b"short", DETAIL)


def test_canonical_json_sorts_names_and_keeps_no_space() -> None:
    assert receipts.jcs({"b": [1, None, True], "a": "é€"}) == '{"a":"é€","b":[1,null,true]}'


@pytest.mark.parametrize("value", [float("nan"), 2**53, {"a": object()}, "\ud800", {1: 2}])
def test_it_refuses_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(InvalidInput):
        receipts.jcs(value)


@given(strategies.leaves)
def test_a_leaf_hash_is_the_double_hash_of_the_abi_words(leaf: Leaf) -> None:
    values = [getattr(leaf, name) for name in Leaf.__slots__]
    values[-1] = bytes.fromhex(leaf.commitment[2:])
    assert receipts.leaf_hash(leaf) == keccak(keccak(encode(LEAF_TYPES, values)))


@given(st.lists(strategies.leaves, min_size=1, max_size=20), st.data())
def test_a_receipt_goes_through_json_and_proves_its_leaf(leaves: list[Leaf], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    salt = b"\x07" * 32
    leaves[position] = dataclasses.replace(leaves[position], commitment=receipts.commitment(salt, DETAIL))
    receipt = receipts.make_receipt(
        receipts.receipts_tree(leaves),
        leaves[position],
        position=position,
        outcome="applied",
        entry_id="ent_01",
        opening=Opening("0x" + salt.hex(), DETAIL),
    )
    read = receipts.receipt_from_json(json.loads(json.dumps(receipts.receipt_to_json(receipt))))
    assert read == receipt
    assert receipts.proves(read)
    assert not receipts.proves(dataclasses.replace(read, leaf=dataclasses.replace(read.leaf, seq=read.leaf.seq ^ 1)))
    assert not receipts.proves(dataclasses.replace(read, opening=Opening("0x" + salt.hex(), DETAIL + " ")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "perhaps"), ("outcome", None), ("proof", "0x"), ("proof", ["0x12"]), ("proof", [7]), ("root",
        "0x1"), ("leaf", []), ("leaf", None), ("opening", 5), ("opening", {"salt": "0x00", "detail": "{}"}),
        ("entry_id", 7), ],
)  # fmt: skip
def test_it_refuses_a_malformed_receipt(name: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        receipts.receipt_from_json({**_document(), name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", -1), ("amount", True), ("amount", 1.0), ("amount", "1"), ("amount", 2**53), ("kind", 11), ("party",
        2**24), ("index", None), ("account", "0x12"), ("commitment", "0x" + "0" * 63), ("seq", 2**64),
    ],
)  # fmt: skip
def test_it_names_the_malformed_field_of_a_leaf(name: str, value: object) -> None:
    leaf = {**receipts.leaf_to_json(_leaf()), name: value}
    with pytest.raises(InvalidInput) as caught:
        receipts.leaf_from_json(leaf)
    assert caught.value.places[0].pointer == "/" + name


def _leaf() -> Leaf:
    return Leaf(1, "0x" + "1" * 40, "0x" + "2" * 40, 1, 0, "0x" + "3" * 40, 1, 1, 5, "0x" + "4" * 64)


def _document() -> dict[str, object]:
    tree = receipts.receipts_tree([_leaf()])
    return receipts.receipt_to_json(receipts.make_receipt(tree, _leaf(), position=0, outcome="applied"))
