"""Keys of the simulation: the same in every process, so that a seed gives the same addresses, hashes and history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import rlp
from coincurve import PublicKey

from token_service.custody import curve
from token_service.protocol.hashing import address_from_bytes, keccak256, to_hex
from token_service.protocol.transactions import Transaction, contract_address

CHAIN_ID = 2**41 + 11


@cache
def secret(name: str) -> bytes:
    return keccak256(f"the simulation's {name}".encode())


@cache
def address(name: str) -> str:
    return curve.address_of(secret(name))


OPERATORS = ("operator 0", "operator 1")
ADMIN, GUARD = address("admin"), address("guard")
CONTRACT = contract_address(address("deployer"), 0)


def member_address(number: int) -> str:
    """An address that nobody has a key to."""
    return address_from_bytes(keccak256(f"member {number}".encode())[12:])


@cache
def _secrets() -> dict[str, bytes]:
    return {address(name): secret(name) for name in (*OPERATORS, "admin")}


def sign(sender: str, transaction: Transaction) -> bytes:
    """The raw bytes, signed with the key of that address."""
    signature = curve.sign(_secrets()[sender], keccak256(transaction.payload()))
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    return transaction.signed(y_parity=signature[64], r=r, s=s)


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed transaction as a node understands it."""

    raw: bytes
    hash: str
    sender: str
    body: Transaction


@lru_cache(maxsize=4096)
def understood(raw: bytes) -> Sent:
    """Decodes the bytes and recovers who signed them."""
    fields = rlp.decode(raw[1:])
    numbers = [int.from_bytes(field) for field in (*fields[:5], fields[6])]
    chain_id, nonce, tip, fee, gas, value = numbers
    to = address_from_bytes(fields[5]) if fields[5] else None
    body = Transaction(chain_id, nonce, tip, fee, gas, to, value, fields[7])
    signature = fields[10].rjust(32, b"\0") + fields[11].rjust(32, b"\0") + (fields[9] or b"\0")
    point = PublicKey.from_signature_and_message(signature, keccak256(body.payload()), hasher=None)
    sender = address_from_bytes(keccak256(point.format(compressed=False)[1:])[12:])
    return Sent(raw, to_hex(keccak256(raw)), sender, body)
