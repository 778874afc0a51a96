"""The contract's events as typed facts, read from raw JSON-RPC logs.

Fields stand in the contract's order; `from` and `to` are called `from_address` and `to_address`. Amounts are points,
times seconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final, NamedTuple

from token_service.errors import InvalidInput
from token_service.protocol import abi, interface
from token_service.protocol.hashing import from_hex, hash_to_bytes


class LogPosition(NamedTuple):
    """Where a log stands on the chain; positions sort in the order of the chain."""

    block_number: int
    log_index: int
    block_hash: str
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class Event:
    """Any event of the contract."""

    position: LogPosition

    @property
    def name(self) -> str:
        """The event's name in the contract."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Transfer(Event):
    from_address: str
    to_address: str
    amount: int


@dataclass(frozen=True, slots=True)
class Approval(Event):
    owner: str
    spender: str
    amount: int


@dataclass(frozen=True, slots=True)
class BatchSettled(Event):
    operator: str
    seq: int
    ruleset_hash: str
    receipts_root: str
    count: int
    minted: int
    burned: int


@dataclass(frozen=True, slots=True)
class EntrySkipped(Event):
    operator: str
    seq: int
    index: int
    reason: int


@dataclass(frozen=True, slots=True)
class RulesetPublished(Event):
    ruleset_hash: str
    effective_at: int
    uri: str


@dataclass(frozen=True, slots=True)
class AddendumPublished(Event):
    base: str
    ruleset_hash: str
    effective_at: int
    uri: str


@dataclass(frozen=True, slots=True)
class PartyRegistered(Event):
    party: int
    party_name: str


@dataclass(frozen=True, slots=True)
class CeilingSet(Event):
    party: int
    ceiling: int
    period: int
    effective_at: int


@dataclass(frozen=True, slots=True)
class DebitLimitSet(Event):
    operator: str
    limit: int
    effective_at: int


@dataclass(frozen=True, slots=True)
class Paused(Event):
    guard: str
    until: int


@dataclass(frozen=True, slots=True)
class Unpaused(Event):
    guard: str


@dataclass(frozen=True, slots=True)
class FreezeChanged(Event):
    account: str
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class SunsetAnnounced(Event):
    at: int


@dataclass(frozen=True, slots=True)
class TransfersOpening(Event):
    at: int


@dataclass(frozen=True, slots=True)
class SelfCustodyBound(Event):
    from_address: str
    to_address: str
    amount: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class ReturnedToCustody(Event):
    from_address: str
    to_address: str
    amount: int


@dataclass(frozen=True, slots=True)
class SelfCustodyExpiryRaised(Event):
    account: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Redeemed(Event):
    account: str
    merchant: int
    reward: str
    amount: int
    nonce: int


@dataclass(frozen=True, slots=True)
class NonceInvalidated(Event):
    account: str
    nonce: int


@dataclass(frozen=True, slots=True)
class RoleGranted(Event):
    role: str
    account: str
    sender: str


@dataclass(frozen=True, slots=True)
class RoleRevoked(Event):
    role: str
    account: str
    sender: str


EVENT_TYPES: Final[tuple[type[Event], ...]] = (
    Transfer,
    Approval,
    BatchSettled,
    EntrySkipped,
    RulesetPublished,
    AddendumPublished,
    PartyRegistered,
    CeilingSet,
    DebitLimitSet,
    Paused,
    Unpaused,
    FreezeChanged,
    SunsetAnnounced,
    TransfersOpening,
    SelfCustodyBound,
    ReturnedToCustody,
    SelfCustodyExpiryRaised,
    Redeemed,
    NonceInvalidated,
    RoleGranted,
    RoleRevoked,
)


def topic(event: type[Event]) -> str:
    """The first topic of this event's logs, for filters of eth_getLogs."""
    return interface.events()[event.__name__].topic


def decode_log(log: Mapping[str, Any]) -> Event | None:
    """The event that a JSON-RPC log carries, None for an event that LoyaltyPoints does not have.

    The caller has looked at `address`. Raises InvalidInput for a log that is malformed.
    """
    try:
        topics = log["topics"]
        plan = _plans().get(topics[0]) if topics else None
        if plan is None:
            return None
        event, signature = plan
        return event(_position(log), *_values(signature, topics[1:], from_hex(log["data"])))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("the log is malformed") from error


def event_arguments(event: Event) -> dict[str, int | str | bool]:
    """The event's fields, position apart, ready for JSON."""
    return {field.name: getattr(event, field.name) for field in fields(event) if field.name != "position"}


def event_from_arguments(name: str, position: LogPosition, arguments: Mapping[str, Any]) -> Event:
    """The event that `event_arguments` was made of. Raises InvalidInput for an unknown name or other fields."""
    for event, signature in _plans().values():
        if signature.name == name and {field.name for field in fields(event)} == {"position", *arguments}:
            return event(position, **arguments)
    raise InvalidInput("the contract has no such event")


@lru_cache(maxsize=1)
def _plans() -> dict[str, tuple[type[Event], interface.Signature]]:
    """Event class and signature by first topic."""
    signatures = interface.events()
    return {topic(event): (event, signatures[event.__name__]) for event in EVENT_TYPES}


def _position(log: Mapping[str, Any]) -> LogPosition:
    return LogPosition(
        block_number=int(log["blockNumber"], 16),
        log_index=int(log["logIndex"], 16),
        block_hash=log["blockHash"],
        transaction_hash=log["transactionHash"],
    )


def _values(signature: interface.Signature, topics: list[str], data: bytes) -> list[abi.Value]:
    in_topics = [field.kind for field in signature.fields if field.is_indexed]
    in_data = [field.kind for field in signature.fields if not field.is_indexed]
    if len(topics) != len(in_topics):
        raise InvalidInput("the log has another number of topics than its event")
    indexed = iter([abi.decode_word(kind, hash_to_bytes(text)) for kind, text in zip(in_topics, topics, strict=True)])
    plain = iter(abi.decode(in_data, data))
    return [next(indexed) if field.is_indexed else next(plain) for field in signature.fields]
