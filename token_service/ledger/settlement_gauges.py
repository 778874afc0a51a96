"""How settlement stands, as gauges for Prometheus, read from the tables when asked: the same from whichever process.

Names as in reference/settlement-engines.md §5, with `mereau_` in front; labelled by lane and state, never by member.
docs/operators.md lists them with what to wake somebody for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from token_service.ledger.gas_spending import gas_spending
from token_service.ledger.reconciling import last_agreement, last_reconciliation
from token_service.ledger.settlement_figures import live_workers
from token_service.ledger.settlement_tables import (
    admin_operations,
    batches,
    blocks,
    cursors,
    lanes,
    leaves,
    transactions,
)
from token_service.ledger.store import Store
from token_service.ledger.worker_figures import worker_figures_of

UNSETTLED = ("accepted", "batched", "mined")


@dataclass(frozen=True, slots=True)
class Gauge:
    """One family: its value for each set of labels. A counter only ever grows."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]
    is_counter: bool = False


def settlement_gauges(store: Store, now: datetime) -> list[Gauge]:
    """Every gauge, as of now."""
    with store.read() as connection:
        found = [*_leaves(connection, now), *_lanes(connection, now), *_chain(connection, now), *_gas(connection, now)]
    return [
        *found,
        *_reconciliation(store),
        *_from_workers(store),
        _one("workers", "Workers that share the settling.", live_workers(store, now)),
    ]


def _from_workers(store: Store) -> Iterator[Gauge]:
    for name, kind, values in worker_figures_of(store):
        yield Gauge(f"mereau_{name}", kind.help, kind.labels, values, kind.is_counter)


def _one(name: str, help_: str, value: float) -> Gauge:
    return Gauge(f"mereau_{name}", help_, (), {(): value})


def _leaves(connection: Connection, now: datetime) -> Iterator[Gauge]:
    columns = leaves.c
    query = select(columns.state, func.count(), func.min(columns.recorded_at)).where(columns.state.in_(UNSETTLED))
    counts, ages = dict.fromkeys(UNSETTLED, 0), dict.fromkeys(UNSETTLED, 0.0)
    for state, count, oldest_at in connection.execute(query.group_by(columns.state)):
        counts[state], ages[state] = count, max(0.0, (now - oldest_at).total_seconds())
    yield Gauge(
        "mereau_ops_state", "Entries and facts by state.", ("state",), {(key,): value for key, value in counts.items()}
    )
    yield Gauge(
        "mereau_op_oldest_age_seconds",
        "Age of the oldest of them.",
        ("state",),
        {(key,): value for key, value in ages.items()},
    )
    newest = connection.execute(select(func.max(columns.seq))).scalar_one() or 0
    help_ = "Entries and facts recorded, by the number of the newest: one that was rolled back leaves a gap."
    yield Gauge("mereau_ops_accepted_total", help_, (), {(): newest}, is_counter=True)
    waiting = select(func.count()).where(admin_operations.c.state.in_(("accepted", "sent")))
    yield _one("admin_operations", "Administrative orders under way.", connection.execute(waiting).scalar_one())


def _lanes(connection: Connection, now: datetime) -> Iterator[Gauge]:
    columns = lanes.c
    rows = connection.execute(select(lanes).order_by(columns.number)).all()
    yield from _standing(connection, {row.operator: str(row.number) for row in rows}, now)
    flying = select(transactions.c.operator, func.count()).where(transactions.c.state.in_(("signed", "sent")))
    in_flight = {row[0]: row[1] for row in connection.execute(flying.group_by(transactions.c.operator))}
    yield Gauge(
        "mereau_lane_state",
        "1 for the state that a lane is in, and why.",
        ("lane", "state", "reason"),
        {(str(row.number), row.state, row.reason_code or ""): 1 for row in rows},
    )
    yield Gauge(
        "mereau_tx_in_flight",
        "Transactions in no block yet.",
        ("lane",),
        {(str(row.number),): in_flight.get(row.operator, 0) for row in rows},
    )
    yield Gauge(
        "mereau_lane_next_seq", "The lane's next batch.", ("lane",), {(str(row.number),): row.next_seq for row in rows}
    )
    yield Gauge(
        "mereau_lane_next_nonce", "Its next nonce.", ("lane",), {(str(row.number),): row.next_nonce for row in rows}
    )


def _standing(connection: Connection, lane_of: Mapping[str, str], now: datetime) -> Iterator[Gauge]:
    """Batches that are planned and in no block yet, and how old the oldest is."""
    columns = batches.c
    query = select(columns.operator, func.count(), func.min(columns.created_at)).where(columns.state == "planned")
    lag, stalled = dict.fromkeys(lane_of.values(), 0), dict.fromkeys(lane_of.values(), 0.0)
    for operator, count, oldest_at in connection.execute(query.group_by(columns.operator)):
        if operator in lane_of:
            lag[lane_of[operator]] = count
            stalled[lane_of[operator]] = max(0.0, (now - oldest_at).total_seconds())
    yield Gauge("mereau_lane_seq_lag", "Batches in no block yet.", ("lane",), {(lane,): n for lane, n in lag.items()})
    help_ = "Age of the oldest of them."
    yield Gauge("mereau_lane_stalled_seconds", help_, ("lane",), {(lane,): age for lane, age in stalled.items()})


def _chain(connection: Connection, now: datetime) -> Iterator[Gauge]:
    places = {row.name: row.number for row in connection.execute(select(cursors.c.name, cursors.c.number))}
    head, final = places.get("indexed"), places.get("final")
    if head is None or final is None:
        return
    yield _one("indexer_head_block", "The newest block that was read.", head)
    yield _one("indexer_final_block", "The newest final one.", final)
    seen = select(blocks.c.timestamp).where(blocks.c.number == head, blocks.c.state != "orphaned")
    at = connection.execute(seen).scalar_one_or_none()
    if at is not None:
        age = max(0.0, (now - at).total_seconds())
        yield _one("rpc_head_age_seconds", "Age of the newest block that was read, by its own time.", age)


def _gas(connection: Connection, now: datetime) -> Iterator[Gauge]:
    spending = gas_spending(connection, now)
    yield _one("gas_today_gwei", "What gas has cost in today's blocks, by UTC.", spending.spent_gwei)
    yield _one("gas_today_at_most_gwei", "The same with all that is not final, at its dearest.", spending.at_most_gwei)


def _reconciliation(store: Store) -> Iterator[Gauge]:
    last, agreed_at = last_reconciliation(store), last_agreement(store)
    if last is not None:
        counts: dict[tuple[str, ...], float] = {}
        for one in last.mismatches:
            key = (str(one["check"]),)
            counts[key] = counts.get(key, 0) + 1
        yield Gauge(
            "mereau_reconcile_mismatch",
            "What differed at the last comparison of ledger and chain; must be 0.",
            ("check",),
            counts or {("any",): 0},
        )
    if agreed_at is not None:
        name = "reconcile_last_success_timestamp"
        yield _one(name, "When they agreed last, unix seconds.", agreed_at.timestamp())
