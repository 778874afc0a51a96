"""The one block at which everything is read."""

from __future__ import annotations

from typing import Any, Final

from token_service.audit.report import PinnedBlock, printable
from token_service.audit.rpc import Rpc
from token_service.audit.stream import block_field
from token_service.errors import InvalidInput, NodeUnreachable, RpcError

TAGS: Final = ("finalized", "safe", "latest")


def pin(rpc: Rpc, wanted: str) -> PinnedBlock:
    """The block that `wanted` names now: a tag of TAGS or a number in decimal.

    Where a node knows no finalized block, `latest` is taken, and the report says so. Raises InvalidInput,
    NodeUnreachable.
    """
    if wanted not in TAGS and not wanted.isdecimal():
        raise InvalidInput("a block is finalized, safe, latest or a number")
    if wanted.isdecimal():
        return _read(rpc, hex(int(wanted)), f"number {wanted}")
    try:
        return _read(rpc, wanted, wanted)
    except (NodeUnreachable, RpcError):
        if wanted == "latest":
            raise
        return _read(rpc, "latest", f"latest (the node knows no {wanted} block)")


def block_hash(rpc: Rpc, number: int) -> str | None:
    """The hash of the canonical block of this number, None when the chain is shorter."""
    block = rpc.request("eth_getBlockByNumber", hex(number), False)
    return None if block is None else _hash(block)


def _read(rpc: Rpc, block: str, tag: str) -> PinnedBlock:
    answer = rpc.request("eth_getBlockByNumber", block, False)
    if answer is None:
        raise NodeUnreachable(f"the node has no block {tag}")
    return PinnedBlock(block_field(answer, "number"), _hash(answer), block_field(answer, "timestamp"), tag)


def _hash(block: Any) -> str:
    hash_ = block.get("hash") if isinstance(block, dict) else None
    if not isinstance(hash_, str):
        raise NodeUnreachable("a block of the node has no hash")
    return printable(hash_)
