"""Codes that people read off a screen and type: Crockford's base 32 (https://www.crockford.com/base32.html), which has no letter
that is taken for a digit. The database knows a code by its hash only.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS: Final = 5
"""Of each character."""
GROUP: Final = 4
TYPED_LENGTH_MAX: Final = 100
MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, "–": None, "−": None})
"""What people and keyboards make of a code, besides capitals and spaces."""


def written(bits: bytes, length: int) -> str:
    """The first `length` × 5 bits as characters, without hyphens."""
    number = int.from_bytes(bits, "big") >> (8 * len(bits) - BITS * length)
    return "".join(ALPHABET[(number >> BITS * place) & 31] for place in reversed(range(length)))


def grouped(code: str) -> str:
    """As it is shown: "7KQ4-M2XT-9HPB"."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def normal_code(typed: str, length: int) -> str | None:
    """The characters that were meant; None for what cannot be a code of this length."""
    if len(typed) > TYPED_LENGTH_MAX:
        return None
    code = "".join(typed.split()).upper().translate(MISREAD)
    return code if len(code) == length and set(code) <= set(ALPHABET) else None


def code_hash(code: str) -> str:
    """What recognises the code, without hyphens: its SHA-256 in hex."""
    return sha256(code.encode()).hexdigest()
