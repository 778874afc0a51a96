"""What is not settled yet, in numbers: for `settle --wait`, the worker's log, `doctor` and the console."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from token_service.chain.settlement.planning import waiting_count
from token_service.ledger.settlement_health import Backlog
from token_service.ledger.settlement_tables import admin_operations, batches, leaves, transactions

COUNT_MAX: Final = 1_000_000


def backlog(connection: Connection, now: datetime) -> Backlog:
    """As of the connection's transaction. `now` decides which deferred leaves still wait."""
    columns = leaves.c
    unsettled = columns.state.in_(("accepted", "batched", "mined"))
    query = select(columns.state, func.count()).where(unsettled).group_by(columns.state)
    by_state: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    accepted = by_state.get("accepted", 0)
    waiting = waiting_count(connection, now, COUNT_MAX) if accepted else 0
    later = select(func.count()).where(columns.state == "accepted", columns.not_before > now)
    deferred = int(connection.execute(later).scalar_one()) if accepted else 0
    return Backlog(
        waiting=waiting,
        in_flight=by_state.get("batched", 0) + by_state.get("mined", 0),
        deferred=deferred,
        held=accepted - waiting - deferred,
        admin_operations=_count(connection, admin_operations.c.state.in_(("accepted", "sent"))),
        unfinished_batches=_count(connection, batches.c.state.in_(("planned", "mined", "reverted")))
        + _count(connection, transactions.c.state.in_(("signed", "sent", "mined"))),
    )


def _count(connection: Connection, condition: object) -> int:
    return int(connection.execute(select(func.count()).where(condition)).scalar_one())  # type: ignore[arg-type]
