"""What only a worker knows, written down from time to time for whoever answers /metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from token_service.chain.node import Node, Several
from token_service.chain.rpc_calls import RpcCalls
from token_service.chain.services import ChainServices
from token_service.errors import MereauError, TryAgain
from token_service.ledger.worker_figures import NODE_HEAD, NODE_STATE, SIGNER_TODAY, Key, note_figures

SECONDS: Final = 10.0
"""Figures are this old at the most; Prometheus asks every 15 seconds or so."""


@dataclass(frozen=True, slots=True)
class FigureSources:
    """Where figures come from: the calls to nodes, and what the signer says of its day (or raises MereauError)."""

    calls: RpcCalls
    count_signed: Callable[[], Mapping[str, int]]


@dataclass(slots=True)
class FigureKeeper:
    """The timer. Without sources nobody counts, and nothing is written."""

    sources: FigureSources | None
    due_at: float = 0.0

    def keep(self, services: ChainServices, *, has_chain: bool) -> None:
        """Writes the figures down when it is time; how nodes and signer stand is for the worker that has the chain's share.

        A database that is away keeps nothing from being settled: the figures wait.
        """
        now = services.monotonic()
        if self.sources is None or now < self.due_at:
            return
        self.due_at = now + SECONDS
        taken = self.sources.calls.take()
        seen = {**_nodes(services.node), **_signer(self.sources)} if has_chain else None
        try:
            note_figures(services.store, taken, seen)
        except TryAgain:
            self.sources.calls.give_back(taken)


def _nodes(node: Node) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for health in node.health() if isinstance(node, Several) else []:
        found[NODE_STATE, (health.label, health.state)] = 1
        if health.head is not None:
            found[NODE_HEAD, (health.label,)] = health.head
    return found


def _signer(sources: FigureSources) -> dict[Key, float]:
    """Nothing while the signer is away."""
    try:
        counts = sources.count_signed()
    except MereauError:
        return {}
    return {(SIGNER_TODAY, (verdict,)): count for verdict, count in counts.items()}
