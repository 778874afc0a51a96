"""What use cases are given from outside: the database, the clock, ids, randomness, the promise key and the salts
(DESIGN §2).

`Actor` says who asks. The ledger trusts the caller's word on that: the api and pages rooms authenticate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from token_service.errors import Forbidden, InvalidInput, NotFound, Place
from token_service.ledger.known_keys import KnownKeys
from token_service.ledger.store import Store

SCOPES: Final = (
    "members:read",
    "members:write",
    "purchases:read",
    "purchases:write",
    "events:write",
    "issuances:write",
    "redemptions:read",
    "redemptions:write",
    "program:read",
)
"""Scopes that a merchant's key can have."""

ADMIN_SCOPES: Final = (
    *SCOPES,
    "adjustments:write",
    "merchants:write",
    "rulesets:write",
    "api_keys:write",
    "openings:read",
    "members:leave",
)
"""Scopes that an admin key can have."""


class SaltSealer(Protocol):
    """Seals and opens members' salt keys with a key that is not in the database, opens what receipt files hold, and
    makes of a text that could be guessed what may be kept of it.
    """

    def seal(self, plain: bytes) -> bytes: ...

    def open(self, sealed: bytes) -> bytes: ...

    def fingerprint(self, kind: str, text: str) -> str: ...

    def open_opening(self, sealed_salt_key: bytes, leaf_id: str, sealed: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A member's fresh address with its sealed private key and sealed salt key (custody makes it)."""

    address: str
    sealed_key: bytes = field(repr=False)
    sealed_salt_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a use case needs. `new_id("ent")` gives "ent_" + ULID; `random_bytes(n)` n secret bytes.

    `promise_signer` signs a 32-byte digest and answers 65 bytes. `settle_within` is the time that promises name.
    """

    store: Store
    now: Callable[[], datetime]
    new_id: Callable[[str], str]
    random_bytes: Callable[[int], bytes]
    promise_signer: Callable[[bytes], bytes]
    salts: SaltSealer
    new_account: Callable[[], NewAccount]
    settle_within: timedelta = timedelta(hours=1)
    backlog_limit: int = 100_000  # leaves waiting for settlement before BacklogFull
    clock_skew: timedelta = timedelta(minutes=5)  # how far in the future a till's clock may be
    known_keys: KnownKeys = field(default_factory=KnownKeys)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a merchant's key, an admin key (merchant_id None), the service itself, or a signed-in member."""

    name: str  # what an adjustment records as its actor: the key's id, "service", a person's login
    merchant_id: str | None = None
    member_id: str | None = None
    scopes: frozenset[str] = frozenset()
    is_admin: bool = False

    @classmethod
    def admin(cls, name: str = "admin") -> Actor:
        """May act for every merchant."""
        return cls(name=name, scopes=frozenset(ADMIN_SCOPES), is_admin=True)

    @classmethod
    def merchant(cls, merchant_id: str, *, name: str = "merchant", scopes: frozenset[str] = frozenset(SCOPES)) -> Actor:
        """Acts for its own merchant only."""
        return cls(name=name, merchant_id=merchant_id, scopes=scopes)

    @classmethod
    def member(cls, member_id: str) -> Actor:
        """May read their own account."""
        return cls(name=member_id, member_id=member_id)

    def need(self, scope: str) -> None:
        """Raises Forbidden unless the key has the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"this key lacks the scope {scope}", scope=scope)

    def acting_merchant(self, named: str | None) -> str:
        """The merchant that this call acts for. An admin must name one (InvalidInput); a merchant only itself
        (NotFound).
        """
        if self.is_admin:
            if named is None:
                raise InvalidInput(
                    "an admin key names the merchant",
                    places=(Place("/merchant_id", "an admin key names the merchant"),),
                )
            return named
        if self.merchant_id is None:
            raise Forbidden("only a merchant or an admin may do this")
        if named is not None and named != self.merchant_id:
            raise NotFound("no such merchant")
        return self.merchant_id

    def need_admin(self) -> None:
        """Raises Forbidden for anybody but an admin."""
        if not self.is_admin:
            raise Forbidden("an admin key is needed")
