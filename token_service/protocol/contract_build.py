"""The published build of the contract: what deployment sends and what an auditor compares the chain with.

The code on a chain differs from `deployedBytecode` in its immutables only: both sides mask those places, and then check
the values themselves (`immutables_in`). Written by scripts/build_contract.py; a test rebuilds it byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from token_service.protocol.hashing import keccak256

WORD_BYTES: Final = 32


@dataclass(frozen=True)
class ContractBuild:
    """One compiled contract. `immutables` are byte offsets in the deployed code by name, each a 32-byte word."""

    name: str
    compiler: str
    settings: Mapping[str, Any]
    source_hashes: Mapping[str, str]
    immutables: Mapping[str, tuple[int, ...]]
    storage_layout: tuple[Mapping[str, Any], ...]
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes

    def masked_code(self, code: bytes) -> bytes:
        """`code` with every immutable set to zero; the code itself if its length is not this build's."""
        if len(code) != len(self.deployed_bytecode):
            return code
        masked = bytearray(code)
        for offsets in self.immutables.values():
            for start in offsets:
                masked[start : start + WORD_BYTES] = bytes(WORD_BYTES)
        return bytes(masked)

    def is_code_of_build(self, code: bytes) -> bool:
        """Whether `code` from a chain is this build, whatever its immutables, and each immutable the same at all its places."""
        same = self.masked_code(code) == self.masked_code(self.deployed_bytecode)
        return same and all(len(values) == 1 for values in self._values(code).values())

    def immutables_in(self, code: bytes) -> dict[str, bytes]:
        """The 32-byte value of each immutable in `code`, for which `is_code_of_build` holds."""
        return {name: values.pop() for name, values in self._values(code).items()}

    def _values(self, code: bytes) -> dict[str, set[bytes]]:
        return {
            name: {code[start : start + WORD_BYTES] for start in offsets} for name, offsets in self.immutables.items()
        }


def expected_immutables(
    *, chain_id: int, address: bytes, deployed_at: int, notice_period: int, sunset_notice: int
) -> dict[str, bytes]:
    """What the immutables of a contract must be; compare with `ContractBuild.immutables_in`. Periods in seconds."""

    def word(number: int) -> bytes:
        return number.to_bytes(WORD_BYTES, "big")

    name, version = b"LoyaltyPoints", b"1"
    this = address.rjust(WORD_BYTES, b"\0")
    domain_type = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    hashed_name, hashed_version = keccak256(name), keccak256(version)
    separator = keccak256(domain_type + hashed_name + hashed_version + word(chain_id) + this)
    return {
        "DEPLOYED_AT": word(deployed_at),
        "noticePeriod": word(notice_period),
        "sunsetNotice": word(sunset_notice),
        "_cachedChainId": word(chain_id),
        "_cachedDomainSeparator": separator,
        "_cachedThis": this,
        "_hashedName": hashed_name,
        "_hashedVersion": hashed_version,
        "_name": _short_string(name),
        "_version": _short_string(version),
    }


@cache
def contract_build() -> ContractBuild:
    """The build that ships with this package."""
    build = json.loads(files("token_service.protocol").joinpath("LoyaltyPoints.json").read_text(encoding="utf-8"))
    return ContractBuild(
        name=build["contractName"],
        compiler=build["compiler"],
        settings=MappingProxyType(build["settings"]),
        source_hashes=MappingProxyType(build["sourceHashes"]),
        immutables=MappingProxyType({name: tuple(starts) for name, starts in build["immutableReferences"].items()}),
        storage_layout=tuple(build["storageLayout"]),
        abi=tuple(build["abi"]),
        bytecode=bytes.fromhex(build["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(build["deployedBytecode"][2:]),
    )


def _short_string(text: bytes) -> bytes:
    """OpenZeppelin's ShortString: the bytes from the left, their number in the last byte."""
    return text.ljust(WORD_BYTES - 1, b"\0") + bytes([len(text)])
