"""How often chain nodes were asked, how that ended, and how long it took."""

from __future__ import annotations

from token_service.chain.endpoints import Observer
from token_service.chain.json_rpc import Outcome
from token_service.ledger.tally import Tally
from token_service.ledger.worker_figures import RPC_REQUESTS, RPC_SECONDS


def counting(tally: Tally) -> Observer:
    """An observer that counts. Nodes appear by their host's name, never by a URL, which may hold a key."""

    def observe(label: str, method: str, seconds: float, outcome: Outcome) -> None:
        tally.add(RPC_REQUESTS, label, method, outcome.value)
        tally.add(RPC_SECONDS, label, method, value=seconds)

    return observe
