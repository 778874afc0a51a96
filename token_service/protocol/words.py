"""Entry words: one line of a batch in 32 bytes, high to low `account 160 | kind 8 | party 24 | amount 64` (CONTRACT
§1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from token_service.errors import InvalidInput
from token_service.protocol.hashing import address_from_bytes, address_to_bytes
from token_service.units import POINTS_MAX, EntryKind

PARTY_MAX: Final = 2**24 - 1
WORD_MAX: Final = 2**256 - 1


class EntryWord(NamedTuple):
    """What the contract reads of one entry. `account` is EIP-55 text, `amount` points, the sign follows from `kind`."""

    account: str
    kind: int
    party: int
    amount: int


def pack(entry: EntryWord) -> int:
    """The 256-bit word of an entry that the contract can accept.

    Raises InvalidInput for a zero or malformed account, a kind outside 1 … 10, a party outside 0 … 2^24−1 or an
    amount outside 1 … 2^53−1: the service never sends a word that the contract must skip as bad.
    """
    account = _account_number(entry.account)
    if account == 0:
        raise InvalidInput("an entry's account is not the zero address")
    if not EntryKind.ISSUANCE <= entry.kind <= EntryKind.MOVE_IN:
        raise InvalidInput("an entry's kind is between 1 and 10")
    if not 0 <= entry.party <= PARTY_MAX:
        raise InvalidInput("a party is a number between 0 and 16777215")
    if not 1 <= entry.amount <= POINTS_MAX:
        raise InvalidInput("an entry moves between 1 and 9007199254740991 points")
    return account << 96 | entry.kind << 88 | entry.party << 64 | entry.amount


def unpack(word: int) -> EntryWord:
    """The four fields of any 256-bit word, also of one that the contract skips as bad. Raises InvalidInput outside
    uint256.
    """
    if not 0 <= word <= WORD_MAX:
        raise InvalidInput("an entry word has 256 bits")
    account = address_from_bytes((word >> 96).to_bytes(20))
    return EntryWord(account, word >> 88 & 0xFF, word >> 64 & PARTY_MAX, word & 0xFFFF_FFFF_FFFF_FFFF)


@lru_cache(maxsize=65_536)
def _account_number(address: str) -> int:
    return int.from_bytes(address_to_bytes(address))
