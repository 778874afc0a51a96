"""Ethereum transactions by hand, type 2 (EIP-1559, EIP-2718) and, for chains without a base fee, the legacy type with replay
protection (EIP-155): what is signed, what is sent, and the two hashes that follow.

Pure bytes: keys and signatures stay outside. The access list is always empty and the value is in wei.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_service.errors import InvalidInput
from token_service.protocol.hashing import address_from_bytes, address_to_bytes, keccak256, to_hex

TYPE: Final = b"\x02"
Item = bytes | list["Item"]


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that a signature covers. Fees are wei per gas; `to` is None for a contract creation. A legacy transaction has one gas
    price, `max_fee_per_gas`; its tip must be the same.
    """

    chain_id: int
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas: int
    to: str | None
    value: int
    data: bytes
    is_legacy: bool = False

    @property
    def most_wei(self) -> int:
        """The most that its gas may cost."""
        return self.gas * self.max_fee_per_gas

    def payload(self) -> bytes:
        """The bytes whose keccak-256 is signed. Raises InvalidInput for negative numbers or a malformed address."""
        if self.is_legacy:
            return rlp([*self._legacy_fields(), _number(self.chain_id), b"", b""])
        return TYPE + rlp(self._fields())

    def signed(self, *, y_parity: int, r: int, s: int) -> bytes:
        """The bytes to send."""
        if self.is_legacy:
            v = 2 * self.chain_id + 35 + y_parity
            return rlp([*self._legacy_fields(), _number(v), _number(r), _number(s)])
        return TYPE + rlp([*self._fields(), _number(y_parity), _number(r), _number(s)])

    def _legacy_fields(self) -> list[Item]:
        if self.max_priority_fee_per_gas != self.max_fee_per_gas:
            raise InvalidInput("a legacy transaction has one gas price")
        return [
            _number(self.nonce),
            _number(self.max_fee_per_gas),
            _number(self.gas),
            b"" if self.to is None else address_to_bytes(self.to),
            _number(self.value),
            self.data,
        ]

    def _fields(self) -> list[Item]:
        return [
            _number(self.chain_id),
            _number(self.nonce),
            _number(self.max_priority_fee_per_gas),
            _number(self.max_fee_per_gas),
            _number(self.gas),
            b"" if self.to is None else address_to_bytes(self.to),
            _number(self.value),
            self.data,
            [],
        ]


def transaction_hash(raw: bytes) -> str:
    """The hash by which nodes name a signed transaction."""
    return to_hex(keccak256(raw))


def contract_address(sender: str, nonce: int) -> str:
    """Where the contract lies that `sender` creates with its transaction number `nonce`."""
    return address_from_bytes(keccak256(rlp([address_to_bytes(sender), _number(nonce)]))[12:])


def rlp(item: Item) -> bytes:
    """The recursive-length-prefix encoding of bytes or nested lists of bytes (Ethereum yellow paper, appendix B)."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    body = b"".join(rlp(part) for part in item)
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = _number(length)
    return bytes([offset + 55 + len(size)]) + size


def _number(value: int) -> bytes:
    """Big-endian without leading zeros; zero is empty."""
    if value < 0:
        raise InvalidInput("a transaction has no negative numbers")
    return value.to_bytes((value.bit_length() + 7) // 8)
