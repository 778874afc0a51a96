"""What only a worker knows, written down from time to time for whoever answers /metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from token_service.chain import reads
from token_service.chain.node import Node, Several
from token_service.chain.services import ChainServices
from token_service.chain.settlement.batch_news import BatchNews, count_news
from token_service.chain.settlement.lanes import IN_FLIGHT, read_lanes
from token_service.errors import DiskFull, MereauError, NodeUnreachable, RpcError, TryAgain
from token_service.ledger.gas_spending import batch_cost_wei
from token_service.ledger.settlement_tables import transactions
from token_service.ledger.tally import Key, Tally
from token_service.ledger.worker_figures import (
    BALANCE,
    BASE_FEE,
    NODE_HEAD,
    NODE_STATE,
    NONCE_GAP,
    RUNWAY,
    SIGNER_TODAY,
    note_figures,
)

SECONDS: Final = 10.0
"""Figures are this old at the most; Prometheus asks every 15 seconds or so."""


@dataclass(frozen=True, slots=True)
class FigureSources:
    """Where figures come from: what was counted, and what the signer says of its day (or raises MereauError)."""

    tally: Tally
    count_signed: Callable[[], Mapping[str, int]]


@dataclass(slots=True)
class FigureKeeper:
    """The timer. Without sources nobody counts, and nothing is written."""

    sources: FigureSources | None
    due_at: float = 0.0

    def count(self, news: Sequence[BatchNews], connection: Connection, now: datetime) -> None:
        """Counts what became of batches."""
        if self.sources is not None:
            for one in news:
                count_news(self.sources.tally, one, connection, now)

    def keep(self, services: ChainServices, *, has_chain: bool) -> None:
        """Writes the figures down when it is time; how nodes and signer stand is for the worker that has the chain's share.

        A database that is away or full keeps nothing from being settled: the figures wait.
        """
        now = services.monotonic()
        if self.sources is None or now < self.due_at:
            return
        self.due_at = now + SECONDS
        taken = self.sources.tally.take()
        seen = {**_nodes(services.node), **_signer(self.sources), **_operators(services)} if has_chain else None
        try:
            note_figures(services.store, taken, seen)
        except (TryAgain, DiskFull):
            self.sources.tally.give_back(taken)


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


def _operators(services: ChainServices) -> dict[Key, float]:
    """Gas money and nonces; nothing on the embedded chain, where gas costs nothing, nor while no node answers."""
    if services.embedded:
        return {}
    with services.store.read() as connection:
        lanes = [lane for lane in read_lanes(connection) if lane.state != "disabled"]
        cost, flying = batch_cost_wei(connection), _flying(connection)
    found: dict[Key, float] = {}
    try:
        for lane in lanes:
            money = reads.balance(services.node, lane.operator)
            found[BALANCE, (str(lane.number),)] = money
            used = reads.transaction_count(services.node, lane.operator)
            # what was mined since is counted twice for a moment, so that less than nothing is no gap
            found[NONCE_GAP, (str(lane.number),)] = max(0, lane.next_nonce - used - flying.get(lane.operator, 0))
            if cost:
                found[RUNWAY, (str(lane.number),)] = money // cost
        fee = reads.head(services.node).base_fee
    except (NodeUnreachable, RpcError):
        return found
    return found if fee is None else {**found, (BASE_FEE, ()): fee}


def _flying(connection: Connection) -> dict[str, int]:
    """How many transactions of each account are in no block that was read."""
    columns = transactions.c
    query = select(columns.operator, func.count()).where(columns.state.in_(IN_FLIGHT)).group_by(columns.operator)
    return {row[0]: row[1] for row in connection.execute(query)}
