"""The contract's logs of some blocks, and whether a node's answer can be the whole truth about them.

A node that is just storing a block may answer with none of its logs, and one behind a proxy with those of another fork. The
blocks' hashes and their Bloom filters tell. Ranges that a node finds too large are halved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from token_service.chain import reads
from token_service.chain.node import Node
from token_service.chain.reads import Block
from token_service.errors import NodeUnreachable, RpcError
from token_service.protocol.bloom import bloom_of, may_hold
from token_service.protocol.events import EVENT_TYPES, topic
from token_service.protocol.hashing import from_hex

RawLog = Mapping[str, Any]
FULL_BLOOM = (1 << 2048) - 1
"""Some chains keep no filter and answer with one that holds everything."""


def contract_logs(node: Node, contract: str, blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """The contract's raw logs of these neighbouring blocks, in (block, index) order.

    Raises NodeUnreachable for an answer that contradicts the blocks, RpcError if one block's logs alone are refused.
    """
    found = _in_halves(node, contract, blocks[0].number, blocks[-1].number)
    hashes = {block.number: block.hash for block in blocks}
    places = set()
    for log in found:
        number = reads.log_block(log)
        if log.get("blockHash") != hashes.get(number) or log.get("removed") is True:
            raise _contradiction("the chain moved while its logs were read")
        if str(log.get("address")).lower() != contract.lower():
            raise _contradiction("the chain node answers with another contract's logs")
        places.add((number, log.get("logIndex")))
    if len(places) != len(found):
        raise _contradiction("the chain node answers with the same log twice")
    told = {number for number, _ in places}
    for block in blocks:
        if block.number not in told and _may_hold_ours(block, contract):
            _prove_empty(node, block)
    return found


def _in_halves(node: Node, contract: str, first: int, last: int) -> list[dict[str, Any]]:
    try:
        return reads.logs(node, contract, first, last)
    except RpcError:
        if first == last:
            raise
    middle = (first + last) // 2
    return _in_halves(node, contract, first, middle) + _in_halves(node, contract, middle + 1, last)


def _may_hold_ours(block: Block, contract: str) -> bool:
    if not block.logs_bloom or block.logs_bloom == FULL_BLOOM:
        return False
    return any(may_hold(block.logs_bloom, wanted) for wanted in _ours(contract))


@cache
def _ours(contract: str) -> tuple[int, ...]:
    """The least that a block's filter has if the contract logged something in it, by event."""
    return tuple(bloom_of([from_hex(contract), from_hex(topic(event))]) for event in EVENT_TYPES)


def _prove_empty(node: Node, block: Block) -> None:
    """The filter says "perhaps". All logs of the block together must make up its filter: then none is kept back."""
    items: list[bytes] = []
    for log in reads.logs_of_block(node, block.hash):
        topics = log.get("topics")
        if not isinstance(topics, list):
            raise _contradiction("the chain node answers malformed logs")
        items += [reads.octets(log.get("address")), *map(reads.octets, topics)]
    if bloom_of(items) != block.logs_bloom:
        raise _contradiction("the chain node keeps logs back that its block has")


def _contradiction(says: str) -> NodeUnreachable:
    return NodeUnreachable(says, method="eth_getLogs")
