"""What we write by hand equals what web3's ABI codec (eth-abi) writes, and is read back."""

from __future__ import annotations

import timeit
from typing import Any

import pytest
from eth_abi import encode as web3_encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from token_service.errors import InvalidInput
from token_service.protocol import abi, calldata, interface
from token_service.protocol.hashing import address_from_bytes
from token_service.protocol.words import EntryWord, pack

from . import strategies

SETTLE_ABI = [
    {
        "type": "function", "name": "settle", "stateMutability": "nonpayable", "outputs": [],
        "inputs": [
            {"name": "seq", "type": "uint64"}, {"name": "rulesetHash", "type": "bytes32"},
            {"name": "receiptsRoot", "type": "bytes32"}, {"name": "entries", "type": "uint256[]"},
        ],
    }
]  # fmt: skip


@given(strategies.uint64, strategies.hashes, strategies.hashes, st.lists(strategies.entry_words, max_size=20))
def test_settle_is_written_as_web3_writes_it(seq: int, ruleset: str, root: str, entries: list[EntryWord]) -> None:
    ours = calldata.encode_settle(seq, ruleset, root, entries)
    assert ours == calldata.encode_call("settle", seq, ruleset, root, [pack(entry) for entry in entries])
    theirs = Web3().eth.contract(abi=SETTLE_ABI).encode_abi("settle", [seq, ruleset, root, [pack(e) for e in entries]])
    assert ours == bytes.fromhex(theirs[2:])


@given(strategies.uint64, strategies.hashes, strategies.hashes, st.lists(strategies.uint256, max_size=20), st.binary())
def test_settle_is_read_back_whatever_its_words(
    seq: int, ruleset: str, root: str, words: list[int], tail: bytes
) -> None:
    data = calldata.encode_settle_words(seq, ruleset, root, words)
    assert calldata.decode_settle(data + tail) == calldata.SettleCall(seq, ruleset, root, tuple(words))
    call = calldata.decode_call(data)
    assert call is not None
    assert call.arguments == {"seq": seq, "rulesetHash": ruleset, "receiptsRoot": root, "entries": words}


def test_settle_is_read_wherever_its_words_stand() -> None:
    data = bytearray(calldata.encode_settle_words(1, "0x" + "11" * 32, "0x" + "22" * 32, [7, 8]))
    data[4 + 96 : 4 + 128] = (160).to_bytes(32)
    moved = bytes(data[: 4 + 128]) + bytes(32) + bytes(data[4 + 128 :])
    call = calldata.decode_settle(moved)
    assert call is not None
    assert call.words == (7, 8)


@pytest.mark.parametrize("size", [4, 40, 131, 163, 170, 195])
def test_it_refuses_a_settle_call_that_is_cut(size: int) -> None:
    data = calldata.encode_settle_words(1, "0x" + "11" * 32, "0x" + "22" * 32, [7])
    with pytest.raises(InvalidInput):
        calldata.decode_settle(data[:size])


def test_it_refuses_hostile_offsets_and_counts() -> None:
    data = calldata.encode_settle_words(1, "0x" + "11" * 32, "0x" + "22" * 32, [7])
    for place in (4, 4 + 96, 4 + 128):
        hostile = data[:place] + b"\xff" * 32 + data[place + 32 :]
        with pytest.raises(InvalidInput):
            calldata.decode_settle(hostile)


def test_other_calls_are_no_settle_calls() -> None:
    assert calldata.decode_settle(calldata.encode_call("pause")) is None
    assert calldata.decode_settle(b"") is None
    assert calldata.decode_call(b"\x00\x01\x02\x03") is None


@pytest.mark.parametrize("signature", interface.functions().values(), ids=lambda s: s.name)
@given(data=st.data())
def test_every_function_is_written_as_web3_writes_it(signature: interface.Signature, data: st.DataObject) -> None:
    values = [data.draw(strategies.abi_value(kind)) for kind in signature.kinds]
    expected = keccak(text=signature.canonical)[:4] + _expected_body(signature, values)
    ours = calldata.encode_call(signature.name, *values)
    assert ours == expected
    call = calldata.decode_call(ours)
    assert call is not None
    assert (call.name, list(call.arguments.values())) == (signature.name, values)


@pytest.mark.parametrize("signature", [s for s in interface.functions().values() if s.results], ids=lambda s: s.name)
@given(data=st.data())
def test_every_result_is_read_as_web3_writes_it(signature: interface.Signature, data: st.DataObject) -> None:
    kinds = [field.kind for field in signature.results]
    values = [data.draw(strategies.abi_value(kind)) for kind in kinds]
    raw = web3_encode(kinds, [strategies.for_web3(kind, value) for kind, value in zip(kinds, values, strict=True)])
    assert list(calldata.decode_result(signature.name, raw).values()) == values


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("setCeiling", (1, 2)), ("setCeiling", (2**24, 1, 1)), ("setCeiling", (1, -1, 1)), ("setCeiling", (True, 1, 1)),
        ("setCeiling", (1, "1", 1)), ("setFrozen", ("0x1", True)), ("setFrozen", ("0x" + "1" * 40, 1)),
        ("publishRuleset", ("0x11", "", 0)), ("publishRuleset", ("0x" + "1" * 64, 7, 0)),
        ("settle", (1, "0x", "0x", 5)),
        ("returnToCustody", ("0x" + "1" * 40, "0x" + "1" * 40, 1, "text")), ("mint", ()),
    ],
)  # fmt: skip
def test_it_refuses_arguments_that_do_not_fit(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput):
        calldata.encode_call(name, *arguments)


@pytest.mark.parametrize(
    ("kinds", "raw"),
    [
        (["uint64"], (2**64).to_bytes(32)), (["bool"], (2).to_bytes(32)), (["address"], b"\x01" * 32),
        (["bytes4"], b"\x01" * 32), (["string"], (32).to_bytes(32)), (["string"], (2**255).to_bytes(32)),
        (["uint256", "uint256"], bytes(63)),
        (["uint256[]"], (32).to_bytes(32) + (2**200).to_bytes(32)), (["int8"], bytes(32)),
    ],
)  # fmt: skip
def test_it_refuses_data_where_solidity_would_revert(kinds: list[str], raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        abi.decode(kinds, raw)


def test_settle_is_written_fifty_times_faster_than_by_web3() -> None:
    entries = [EntryWord(address_from_bytes(i.to_bytes(20)), 1, 2, 500 + i) for i in range(1, 201)]
    words = [pack(entry) for entry in entries]
    ruleset, root = "0x" + "11" * 32, "0x" + "22" * 32
    contract = Web3().eth.contract(abi=SETTLE_ABI)

    def ours() -> bytes:
        return calldata.encode_settle_words(7, ruleset, root, words)

    def theirs() -> str:
        return contract.encode_abi("settle", [7, ruleset, root, words])

    assert ours().hex() == theirs()[2:]
    our_seconds = min(timeit.repeat(ours, number=20, repeat=7)) / 20
    their_seconds = min(timeit.repeat(theirs, number=1, repeat=5))
    assert their_seconds / our_seconds >= 50, f"only {their_seconds / our_seconds:.0f} times"


def _expected_body(signature: interface.Signature, values: list[Any]) -> bytes:
    plain = [strategies.for_web3(kind, value) for kind, value in zip(signature.kinds, values, strict=True)]
    if signature.name != "verifyReceipt":
        return web3_encode(signature.kinds, plain)
    inner = ",".join(signature.kinds[1:-1])
    return web3_encode(["bytes32", f"({inner})", "bytes32[]"], [plain[0], tuple(plain[1:-1]), plain[-1]])
