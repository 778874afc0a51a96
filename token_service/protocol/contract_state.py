"""What the contract's views return, as typed values: read with eth_call, `calldata.encode_call(name, …)` as input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from token_service.protocol import calldata


@dataclass(frozen=True, slots=True)
class AccountState:
    """`accountOf`: one holder. `self_custody_expires_at` in seconds since 1970, 0 = never."""

    balance: int
    nonce: int
    self_custody_expires_at: int
    is_self_custody: bool
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class LaneState:
    """`laneOf`: one operator as of the block. Limits in points a day (UTC); `next_debit_limit` acts from
    `raises_on_day`.
    """

    seq: int
    debit_limit: int
    debited: int
    day: int
    next_debit_limit: int
    raises_on_day: int


@dataclass(frozen=True, slots=True)
class PartyState:
    """`partyOf`: one party as of the block. `period` in seconds, 0 = one window for ever."""

    ceiling: int
    issued: int
    window: int
    period: int
    is_registered: bool
    next_ceiling: int
    next_period: int
    raises_at: int


@dataclass(frozen=True, slots=True)
class Totals:
    """`totals`: points of each kind since the beginning."""

    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    restored: int = 0
    donated: int = 0
    adjusted_up: int = 0
    adjusted_down: int = 0
    moved_out: int = 0
    moved_in: int = 0
    redeemed_by_signature: int = 0

    @property
    def supply(self) -> int:
        """Credits less debits: what `totalSupply()` must say."""
        added = self.issued + self.restored + self.adjusted_up + self.moved_in
        taken = self.redeemed + self.expired + self.reversed + self.donated + self.adjusted_down + self.moved_out
        return added - taken - self.redeemed_by_signature


@dataclass(frozen=True, slots=True)
class RulesetState:
    """`rulesetOf`: `published_at` = 0 for a hash never published; `base` the zero hash unless it is an addendum."""

    effective_at: int
    published_at: int
    base: str


def read_lane(data: bytes) -> LaneState:
    """The result of `laneOf(address)`."""
    return LaneState(*_values("laneOf", data))


def read_party(data: bytes) -> PartyState:
    """The result of `partyOf(uint24)`."""
    return PartyState(*_values("partyOf", data))


def read_totals(data: bytes) -> Totals:
    """The result of `totals()`."""
    return Totals(*_values("totals", data))


def read_ruleset(data: bytes) -> RulesetState:
    """The result of `rulesetOf(bytes32)`."""
    return RulesetState(*_values("rulesetOf", data))


def read_value(name: str, data: bytes) -> Any:
    """The lone result of any other view: int, bool, text, address or hash."""
    (value,) = _values(name, data)
    return value


def _values(name: str, data: bytes) -> tuple[Any, ...]:
    return tuple(calldata.decode_result(name, data).values())
