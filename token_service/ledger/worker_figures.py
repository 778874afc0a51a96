"""Figures that only workers know: calls to nodes, how nodes stand, what the signer did. They write them down, the web tells them.

A counter grows for ever, over all workers and restarts; a gauge is what a worker saw last. No right or wrong depends on them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from token_service.ledger.settlement_tables import worker_figures
from token_service.ledger.store import Store
from token_service.ledger.tally import Key

RPC_REQUESTS: Final = "rpc_requests"
RPC_SECONDS: Final = "rpc_request_seconds"
NODE_HEAD: Final = "node_head_block"
NODE_STATE: Final = "node_state"
SIGNER_TODAY: Final = "signer_today"
BATCHES: Final = "batches"
SETTLED: Final = "settled_leaves"
ACCEPT_TO_MINED: Final = "op_accept_to_mined_seconds"
ACCEPT_TO_FINAL: Final = "op_accept_to_final_seconds"
GAS_USED: Final = "tx_gas_used"
FEES: Final = "tx_fee_gwei"
PUSHES: Final = "tx_push"
REORGS: Final = "reorg"
REORGED_BLOCKS: Final = "reorg_blocks"
SIGNER_REQUESTS: Final = "signer_requests"
SIGNER_SECONDS: Final = "signer_seconds"
NONCE_GAP: Final = "lane_nonce_gap"
BUMPS: Final = "tx_bumps"
REORGED: Final = "tx_reorged"
BALANCE: Final = "operator_balance_wei"
RUNWAY: Final = "operator_balance_runway_batches"
BASE_FEE: Final = "basefee_wei"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a figure says, and the names of its labels."""

    help: str
    labels: tuple[str, ...]
    is_counter: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    RPC_REQUESTS: Kind("Calls to chain nodes, by how they ended.", ("node", "method", "outcome"), is_counter=True),
    RPC_SECONDS: Kind("What they took in all.", ("node", "method"), is_counter=True),
    BATCHES: Kind("Batches that came to be sent, mined, final or reverted.", ("lane", "state"), is_counter=True),
    SETTLED: Kind("Entries and facts in final batches.", ("lane",), is_counter=True),
    ACCEPT_TO_MINED: Kind("Seconds from acceptance to block, summed over what was mined.", ("lane",), is_counter=True),
    ACCEPT_TO_FINAL: Kind(
        "Seconds from acceptance to finality, summed over what is final.", ("lane",), is_counter=True
    ),
    GAS_USED: Kind("Gas of final batches.", ("lane",), is_counter=True),
    FEES: Kind("What that gas cost, as far as it is known.", ("lane",), is_counter=True),
    BUMPS: Kind("Replacements with higher fees.", ("lane",), is_counter=True),
    PUSHES: Kind("Sendings of transactions, by what the node said.", ("class",), is_counter=True),
    REORGS: Kind("Times that blocks which were read left the chain.", (), is_counter=True),
    REORGED_BLOCKS: Kind("How many blocks those were.", (), is_counter=True),
    SIGNER_REQUESTS: Kind("What workers asked the signer, by its answer.", ("result",), is_counter=True),
    SIGNER_SECONDS: Kind("What that took in all.", (), is_counter=True),
    REORGED: Kind("Batches whose block left the chain.", ("lane",), is_counter=True),
    NODE_HEAD: Kind("The newest block of each node.", ("node",)),
    NODE_STATE: Kind("1 for the state that a node is in.", ("node", "state")),
    SIGNER_TODAY: Kind("What the signer answered today (UTC).", ("verdict",)),
    BALANCE: Kind("What a lane's operator has for gas.", ("lane",)),
    RUNWAY: Kind("How many batches that pays for, at the cost of the newest ones.", ("lane",)),
    NONCE_GAP: Kind("Nonces that neither the chain nor a transaction on its way has; must be 0.", ("lane",)),
    BASE_FEE: Kind("The base fee of the newest block.", ()),
}


def note_figures(store: Store, counted: Mapping[Key, float], seen: Mapping[Key, float] | None = None) -> None:
    """Adds to the counters; `seen` takes the place of all gauges, None leaves them. Raises DatabaseBusy, DiskFull."""
    if not counted and seen is None:
        return

    def write(connection: Connection) -> None:
        if seen is not None:
            gauges = [name for name, kind in KINDS.items() if not kind.is_counter]
            connection.execute(delete(worker_figures).where(worker_figures.c.name.in_(gauges)))
            if seen:
                connection.execute(insert(worker_figures), [_row(key, value) for key, value in sorted(seen.items())])
        for key, value in sorted(
            counted.items()
        ):  # in one order, so that two workers do not wait for each other in a ring
            _add(connection, _row(key, value))

    store.transact(write)


def worker_figures_of(store: Store) -> Iterator[tuple[str, Kind, dict[tuple[str, ...], float]]]:
    """Each figure that was ever noted, with its values by labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    with store.read() as connection:
        for name, labels, value in connection.execute(select(worker_figures)):
            found.setdefault(name, {})[tuple(json.loads(labels))] = value
    for name, kind in KINDS.items():
        if name in found:
            yield name, kind, found[name]


def _row(key: Key, value: float) -> dict[str, object]:
    name, labels = key
    return {"name": name, "labels": json.dumps(labels), "value": float(value)}


def _add(connection: Connection, row: dict[str, object]) -> None:
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    new = make(worker_figures).values(row)
    more = {"value": worker_figures.c.value + new.excluded.value}
    connection.execute(new.on_conflict_do_update(index_elements=["name", "labels"], set_=more))
