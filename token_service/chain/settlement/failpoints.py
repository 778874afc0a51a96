"""Where settlement can be cut off: a name before and after every commit and every call of the node.

Nothing happens at a failpoint unless a test asks for it. The simulation dies at each of them, and fails when a commit or a call
lies outside of all (tests/simulation); `MEREAU_FAILPOINT=name:n` kills a real process at the n-th time it passes one.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from token_service.chain.endpoints import Health
from token_service.chain.node import SEND_METHOD, Node, Several, up_to_date
from token_service.chain.services import Failpoint
from token_service.errors import BadSettings

COMMITS: Final[Mapping[str, str]] = {
    "lease": "who works on what",
    "start": "a lane is halted when the chain is ahead of the ledger",
    "pause_over": "the ledger's flag when a pause has ended by itself",
    "admin": "an administrative transaction with its signed bytes",
    "admin_refused": "an order that the contract would refuse has failed",
    "mandate": "what a member signed is ordered",
    "mandate_ends": "what a member signed has no effect any more",
    "deploy": "the steps of a deployment",
    "retire": "members who leave a lane, its last order, its end",
    "resume": "a blocked lane goes on",
    "resume_waits": "what a blocked lane waits for now",
    "anew": "a failed batch with a new nonce and signed bytes",
    "anew_waits": "why a failed batch cannot be sent yet",
    "fees_wait": "a lane waits, because gas is too dear or the day's budget is spent",
    "stale": "lanes wait for nodes that lag, or go on",
    "plan": "a batch with its nonce, its sequence and its signed bytes",
    "bump": "a replacement with higher fees",
    "push": "what the node said to what was sent",
    "index": "blocks, events, what landed, the cursor",
    "reorg": "blocks that left the chain, and what they had said",
    "deep_reorg": "all lanes are halted: final blocks left the chain",
    "track": "receipts",
    "foreign": "a lane is halted: somebody else used its nonce",
    "finalize": "what is final, deferred, voided",
    "reconcile": "what a comparison of ledger and chain found",
    "reconcile_stops": "a member is frozen or a lane halted, because they differ",
    "clear": "a person lets a halted lane go on",
}
"""Every commit of settlement: `name.before_commit` and `name.after_commit`."""
CALLS: Final[Mapping[str, str]] = {
    "push.before_send": "stored bytes are about to go to the node",
    "push.after_send": "they went, and nothing of it is written yet",
    "node.before_read": "before any other call of the node",
    "node.after_read": "its answer is there",
    "receipts.before_write": "a batch's receipt file is about to be written",
    "receipts.after_write": "it is on the disk",
}
FAILPOINTS: Final = frozenset(CALLS) | {f"{name}.{side}_commit" for name in COMMITS for side in ("before", "after")}


@dataclass(frozen=True, slots=True)
class WatchedNode:
    """A node whose reads pass failpoints. Sends have their own (pushing.py)."""

    inner: Node
    failpoint: Failpoint

    def request(self, method: str, params: list[Any]) -> Any:
        if method == SEND_METHOD:
            return self.inner.request(method, params)
        self.failpoint("node.before_read")
        answer = self.inner.request(method, params)
        self.failpoint("node.after_read")
        return answer

    def up_to_date(self, at_least: int, *, now: bool = False) -> list[Node]:
        """The endpoints behind it, each watched as well."""
        return [WatchedNode(node, self.failpoint) for node in up_to_date(self.inner, at_least, now=now)]

    def health(self) -> list[Health]:
        """Every endpoint as of now."""
        return self.inner.health() if isinstance(self.inner, Several) else []


@dataclass(slots=True)
class DieAt:
    """Kills this process, as `kill -9` does, when it passes a failpoint for the n-th time."""

    name: str
    n: int
    passed: Counter[str] = field(default_factory=Counter)

    def __call__(self, name: str) -> None:
        self.passed[name] += 1
        if name == self.name and self.passed[name] == self.n:
            os.kill(os.getpid(), signal.SIGKILL)


def die_at(wanted: str) -> DieAt:
    """What `name:n` says, n from 1 on. Raises BadSettings unless the name is one of FAILPOINTS."""
    name, _, count = wanted.partition(":")
    if name not in FAILPOINTS:
        raise BadSettings("MEREAU_FAILPOINT names no place of settlement (docs/settlement.md lists them)")
    return DieAt(name, int(count))
