from __future__ import annotations

import importlib.util
import sys

import pytest
from Crypto.Hash import keccak as reference
from eth_utils import keccak, to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import hashing


@given(st.binary(max_size=300))
def test_it_hashes_like_ethereum(data: bytes) -> None:
    assert hashing.keccak256(data) == reference.new(data=data, digest_bits=256).digest()


def test_without_the_c_library_it_hashes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sha3", None)
    spec = importlib.util.find_spec(hashing.__name__)
    assert spec is not None
    assert spec.loader is not None
    slow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slow)
    assert slow._keccak_256 is not hashing._keccak_256
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert slow.keccak256(b"").hex() == hashing.keccak256(b"").hex() == empty
    assert all(slow.keccak256(b"x" * size) == hashing.keccak256(b"x" * size) for size in (1, 64, 135, 136, 137, 300))


@given(st.binary(min_size=20, max_size=20))
def test_addresses_have_their_eip_55_form(raw: bytes) -> None:
    expected = to_checksum_address(raw)
    assert hashing.address_from_bytes(raw) == expected
    assert hashing.checksum_address("0x" + raw.hex().upper()) == expected
    assert hashing.address_to_bytes(expected) == raw


@pytest.mark.parametrize(
    "text", ["", "0x", "0x" + "0" * 39, "0x" + "g" * 40, "0" * 42, "0x" + "0" * 40 + "\n", None, 7]
)
def test_it_refuses_what_is_no_address(text: object) -> None:
    with pytest.raises(InvalidInput):
        hashing.checksum_address(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "0x12", "0x" + "z" * 64, "1" * 66, None])
def test_it_refuses_what_is_no_hash(text: object) -> None:
    with pytest.raises(InvalidInput):
        hashing.hash_to_bytes(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0x1", "12", "0xzz", None])
def test_it_refuses_what_is_no_hex(text: object) -> None:
    with pytest.raises(InvalidInput):
        hashing.from_hex(text)  # type: ignore[arg-type]


def test_hex_text_is_lower_case_and_goes_both_ways() -> None:
    assert hashing.to_hex(b"\xab\x01") == "0xab01"
    assert hashing.from_hex("0xAB01") == b"\xab\x01"
    assert hashing.text_hash("SETTLER_ROLE") == "0x" + keccak(text="SETTLER_ROLE").hex()
