"""Endpoints that show a real node's chain in their own way: some blocks behind, or on a fork of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from token_service.chain.endpoints import Endpoint
from token_service.chain.node import Node, NodePool
from token_service.errors import NodeUnreachable, RpcError


@dataclass
class View:
    """`ends_at` is its newest block (None: the node's own), `finalized` the one that it calls so. Blocks above `forks_above` have
    other hashes and no logs; `ahead` such blocks stand above the node's own."""

    inner: Node
    ends_at: int | None = None
    forks_above: int | None = None
    ahead: int = 0
    is_down: bool = False
    finalized: int | None = None
    has_receipts: bool = True

    def __call__(self, method: str, params: list[Any], seconds: float) -> Any:
        if self.is_down:
            raise NodeUnreachable("away", outcome="unreachable")
        if method == "eth_getBlockByNumber" and params[0] == "finalized" and self.finalized is None:
            raise RpcError("finalized block not found")
        if method == "eth_getBlockByNumber":
            return self._block(params[0])
        if method == "eth_getTransactionReceipt" and not self.has_receipts:
            return None
        if method == "eth_getLogs" and self.forks_above is not None:
            found = self.inner.request(method, params)
            return [log for log in found if int(log["blockNumber"], 16) <= self.forks_above]
        return self.inner.request(method, params)

    def head(self) -> int:
        own = int(self.inner.request("eth_blockNumber", []), 16)
        return own + self.ahead if self.ends_at is None else self.ends_at

    def _block(self, wanted: str) -> Any:
        number = {"latest": self.head(), "finalized": self.finalized}.get(wanted)
        number = int(wanted, 16) if number is None else number
        if number > self.head():
            return None
        if self.forks_above is None or number <= self.forks_above:
            return self.inner.request("eth_getBlockByNumber", [hex(number), False])
        shape = self.inner.request("eth_getBlockByNumber", ["0x0", False])
        other = {"number": hex(number), "hash": self._hash(number), "parentHash": self._hash(number - 1)}
        return {**shape, **other, "logsBloom": "0x", "timestamp": hex(int(time.time()))}

    def _hash(self, number: int) -> str:
        if self.forks_above is not None and number > self.forks_above:
            return f"0x{number:04x}{'f0' * 30}"
        return str(self._block(hex(number))["hash"])


@dataclass
class Watch:
    """A clock that a test moves, so that nobody waits for the next comparison of heads."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 3.0
        return self.now


def pool_of(*views: View, monotonic: Callable[[], float] | None = None) -> NodePool:
    """The views as endpoints of one node. By its clock they are compared before every read."""
    clock = monotonic or Watch()
    endpoints = [
        Endpoint(f"view{place}", view, monotonic=clock, observer=lambda *_: None) for place, view in enumerate(views)
    ]
    return NodePool(endpoints, monotonic=clock, sleep=lambda _: None, read_rounds=1)
