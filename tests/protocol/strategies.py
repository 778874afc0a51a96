"""Hypothesis strategies for the things that protocol writes and reads."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from token_service.protocol.hashing import address_from_bytes, to_hex
from token_service.protocol.receipts import Leaf
from token_service.protocol.words import EntryWord
from token_service.units import POINTS_MAX

uint8 = st.integers(0, 2**8 - 1)
uint24 = st.integers(0, 2**24 - 1)
uint64 = st.integers(0, 2**64 - 1)
uint256 = st.integers(0, 2**256 - 1)
kinds = st.integers(1, 10)
amounts = st.integers(1, POINTS_MAX)
hashes = st.binary(min_size=32, max_size=32).map(to_hex)
addresses = st.binary(min_size=20, max_size=20).map(address_from_bytes)
accounts = st.binary(min_size=20, max_size=20).filter(any).map(address_from_bytes)
entry_words = st.builds(EntryWord, accounts, kinds, uint24, amounts)
leaves = st.builds(
    Leaf,
    chain_id=st.integers(1, 2**52),
    contract=addresses,
    operator=addresses,
    seq=uint64,
    index=st.integers(0, 10_000),
    account=addresses,
    kind=st.integers(0, 10),
    party=uint24,
    amount=st.integers(0, POINTS_MAX),
    commitment=hashes,
)


def abi_value(kind: str) -> st.SearchStrategy[Any]:
    """Values of an ABI type in the form that protocol takes and gives."""
    if kind.endswith("[]"):
        return st.lists(abi_value(kind[:-2]), max_size=4)
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    return {
        "address": addresses,
        "bool": st.booleans(),
        "bytes32": hashes,
        "bytes": st.binary(max_size=100),
        "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    }[kind]


def for_web3(kind: str, value: Any) -> Any:
    """The same value in the form that eth-abi takes."""
    if kind == "bytes32":
        return bytes.fromhex(value[2:])
    return [bytes.fromhex(item[2:]) for item in value] if kind == "bytes32[]" else value
