"""Staff's passwords: argon2id hashes with the library's defaults (RFC 9106's second profile), and drawing a first one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from token_service.ledger import checks

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 200
DRAWN_CHARACTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""What drawn passwords are made of: nothing that a hand-written note makes doubtful."""
DRAWN_LENGTH: Final = 16

_hasher: Final = PasswordHasher()


def check_password(pointer: str, password: str) -> None:
    """Raises InvalidInput for a password of fewer than 12 or more than 200 characters (NIST SP 800-63B: length, no recipes)."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX or not password.strip():
        raise checks.wrong(pointer, f"must have {LENGTH_MIN} to {LENGTH_MAX} characters")


def hash_password(password: str) -> str:
    """The argon2id hash with its salt and parameters, as text."""
    return _hasher.hash(password)


def is_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hash's. Without a hash (an unknown address) it takes as long, and is False."""
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
    except VerificationError:
        return False


def drawn_password(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh password of 16 characters, four by four: 79 random bits."""
    drawn = int.from_bytes(random_bytes(32), "big")
    letters = []
    for _ in range(DRAWN_LENGTH):
        drawn, at = divmod(drawn, len(DRAWN_CHARACTERS))
        letters.append(DRAWN_CHARACTERS[at])
    return "-".join("".join(letters[start : start + 4]) for start in range(0, DRAWN_LENGTH, 4))


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
