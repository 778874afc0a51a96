"""The units that every room counts in, and the kinds of entry. Whole numbers only: no float ever holds points or money."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NewType

Points = NewType("Points", int)
"""Loyalty points, `decimals() = 0`."""
Cents = NewType("Cents", int)
"""Money in minor units of the programme's currency (ISO 4217)."""
Wei = NewType("Wei", int)
Gas = NewType("Gas", int)
WEI_PER_GWEI: Final = 10**9
GWEI_PER_ETHER: Final = 10**9

POINTS_MAX: Final = 2**53 - 1
"""Largest amount of one entry or of money: what JSON carries exactly (CONTRACT §1, API)."""

PROGRAM_PARTY: Final = 1
"""Party number of the programme itself."""


class EntryKind(IntEnum):
    """Kinds of leaf; 1–10 are the contract's (CONTRACT §1), 0 is a fact that moves no points (CONTRACT §2)."""

    FACT = 0
    ISSUANCE = 1
    REDEMPTION = 2
    EXPIRY = 3
    REVERSAL = 4
    RESTORATION = 5
    DONATION = 6
    ADJUSTMENT_UP = 7
    ADJUSTMENT_DOWN = 8
    MOVE_OUT = 9
    MOVE_IN = 10

    @property
    def sign(self) -> int:
        """+1 for credits, −1 for debits, 0 for facts."""
        if self is EntryKind.FACT:
            return 0
        return 1 if self in CREDIT_KINDS else -1


CREDIT_KINDS: Final = frozenset({EntryKind.ISSUANCE, EntryKind.RESTORATION, EntryKind.ADJUSTMENT_UP, EntryKind.MOVE_IN})
DEBIT_KINDS: Final = frozenset(
    {EntryKind.REDEMPTION, EntryKind.EXPIRY, EntryKind.REVERSAL, EntryKind.DONATION, EntryKind.ADJUSTMENT_DOWN}
    | {EntryKind.MOVE_OUT}
)

KIND_WORDS: Final[Mapping[int, str]] = {
    EntryKind.ISSUANCE: "issuance",
    EntryKind.REDEMPTION: "redemption",
    EntryKind.EXPIRY: "expiry",
    EntryKind.REVERSAL: "reversal",
    EntryKind.RESTORATION: "restoration",
    EntryKind.DONATION: "donation",
    EntryKind.ADJUSTMENT_UP: "adjustment",
    EntryKind.ADJUSTMENT_DOWN: "adjustment",
    EntryKind.MOVE_OUT: "move",
    EntryKind.MOVE_IN: "move",
}
"""The word for each kind of entry in details and views (DESIGN §3)."""
