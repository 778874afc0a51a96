"""The contract's history as transactions in the chain's order, a range of blocks at a time, with what their logs
leave out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from token_service.audit.rpc import LogRange, Rpc
from token_service.errors import InvalidInput, NodeUnreachable
from token_service.protocol import events
from token_service.protocol.calldata import SettleCall, decode_settle
from token_service.protocol.hashing import checksum_address, from_hex


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a transaction to whom, and the settle call that it carries, None if it carries none."""

    from_address: str
    to_address: str | None
    call: SettleCall | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """The contract's events of one transaction. `timestamp` is its block's; `sender` is read for batches only.

    `unread` counts logs that are no events of the contract or are malformed.
    """

    hash: str
    block_number: int
    block_hash: str
    timestamp: int
    events: tuple[events.Event, ...]
    sender: Sender | None
    unread: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The transactions of the blocks first … last."""

    first: int
    last: int
    transactions: tuple[Transaction, ...]


def stretches(rpc: Rpc, contract: str, first: int, last: int) -> Iterator[Stretch]:
    """All blocks first … last, in order. Raises NodeUnreachable or RpcError."""
    for found in rpc.logs(contract, first, last):
        yield Stretch(found.first, found.last, tuple(_transactions(rpc, found)))


def read_senders(rpc: Rpc, hashes: list[str]) -> dict[str, Sender]:
    """Sender, receiver and settle call of each transaction."""
    answers = rpc.batch([("eth_getTransactionByHash", [hash_]) for hash_ in hashes])
    return {hash_: _sender(answer, hash_) for hash_, answer in zip(hashes, answers, strict=True)}


def read_timestamps(rpc: Rpc, numbers: list[int]) -> dict[int, int]:
    """The timestamps of blocks by number."""
    answers = rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    return {number: block_field(answer, "timestamp") for number, answer in zip(numbers, answers, strict=True)}


def block_field(block: Any, name: str) -> int:
    """A quantity of a block. Raises NodeUnreachable when the node has no such block."""
    try:
        return int(block[name], 16)
    except (KeyError, TypeError, ValueError) as error:
        raise NodeUnreachable("the node does not have a block that it told of") from error


def _transactions(rpc: Rpc, found: LogRange) -> Iterator[Transaction]:
    groups = [(hash_, list(logs)) for hash_, logs in groupby(found.logs, key=_transaction_hash)]
    read = {hash_: _events(logs) for hash_, logs in groups}
    timestamps = _timestamps(rpc, found.logs)
    batches = [hash_ for hash_, (known, _) in read.items() if any(isinstance(e, events.BatchSettled) for e in known)]
    senders = read_senders(rpc, batches)
    for hash_, logs in groups:
        number = int(logs[0]["blockNumber"], 16)
        known, unread = read[hash_]
        block_hash = str(logs[0].get("blockHash"))
        yield Transaction(hash_, number, block_hash, timestamps[number], tuple(known), senders.get(hash_), unread)


def _events(logs: list[dict[str, Any]]) -> tuple[list[events.Event], int]:
    known, unread = [], 0
    for log in logs:
        try:
            event = events.decode_log(log)
        except InvalidInput:
            unread += 1
            continue
        if event is not None:
            known.append(event)
    return known, unread


def _timestamps(rpc: Rpc, logs: list[dict[str, Any]]) -> dict[int, int]:
    """Block times, from the logs where the node writes them there."""
    known: dict[int, int] = {}
    missing: set[int] = set()
    for log in logs:
        number = int(log["blockNumber"], 16)
        if isinstance(log.get("blockTimestamp"), str):
            known[number] = block_field(log, "blockTimestamp")
        else:
            missing.add(number)
    return known | read_timestamps(rpc, sorted(missing - set(known)))


def _transaction_hash(log: dict[str, Any]) -> str:
    hash_ = log.get("transactionHash")
    if not isinstance(hash_, str):
        raise NodeUnreachable("a log of the node names no transaction")
    return hash_


def _sender(answer: Any, hash_: str) -> Sender:
    if not isinstance(answer, dict):
        raise NodeUnreachable(f"the node does not have transaction {hash_} that it told of")
    try:
        to = answer.get("to")
        raw = from_hex(answer.get("input") or answer["data"])
        sender = checksum_address(answer["from"])
        receiver = None if to is None else checksum_address(to)
    except (InvalidInput, KeyError) as error:
        raise NodeUnreachable(f"the node's transaction {hash_} is malformed") from error
    try:
        return Sender(sender, receiver, decode_settle(raw))
    except InvalidInput:
        return Sender(sender, receiver, None)
