"""What gas has cost today, by UTC, and what it may still cost at most; in gwei, because a day's wei need more than 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, case, func, or_, select

from token_service.ledger.settlement_tables import attempts, transactions
from token_service.units import WEI_PER_GWEI

NEWEST = 20
MAY_STILL_COST: Final = ("signed", "sent", "mined")
"""Mined ones, too: when their block leaves the chain, they may be dearer in the next one."""
SPENDING_LOCK: Final = 6_841_207
"""PostgreSQL's number for whoever spends: the ledger's only advisory lock. It is taken first and never waited for, so that nobody
waits in a circle, nor behind a worker that stands still."""


@dataclass(frozen=True, slots=True)
class GasSpending:
    """`spent` by transactions in today's blocks; `under_way` is the most that what is not final may cost beyond that."""

    spent_gwei: int
    under_way_gwei: int

    @property
    def at_most_gwei(self) -> int:
        return self.spent_gwei + self.under_way_gwei


def lock_spending(connection: Connection) -> bool:
    """Whether nobody else can spend until this transaction ends; False while somebody does. On SQLite a writer is alone."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(SPENDING_LOCK))).scalar_one())


def gas_spending(connection: Connection, now: datetime) -> GasSpending:
    """As of now. Every account's transactions count, batches and administration."""
    columns = transactions.c
    today = columns.mined_at >= now.replace(hour=0, minute=0, second=0, microsecond=0)
    spent = connection.execute(select(func.sum(columns.fee_gwei)).where(today)).scalar_one()
    open_ = or_(columns.state.in_(MAY_STILL_COST), and_(today, columns.fee_gwei.is_(None)))
    counted = func.coalesce(case((today, columns.fee_gwei)), 0)
    query = select(columns.id, counted, attempts.c.gas, attempts.c.max_fee_per_gas).join(
        attempts, attempts.c.transaction_id == columns.id
    )
    beyond: dict[int, int] = {}
    for transaction_id, fee_gwei, gas, fee in connection.execute(query.where(open_)):
        beyond[transaction_id] = max(beyond.get(transaction_id, 0), to_gwei(gas * fee) - fee_gwei)
    return GasSpending(int(spent or 0), sum(beyond.values()))


def batch_cost_wei(connection: Connection) -> int:
    """What a batch has cost lately, rounded up: the mean of the newest known ones. 0 while none is known."""
    columns = transactions.c
    newest = select(columns.fee_gwei).where(columns.purpose == "batch", columns.fee_gwei.is_not(None))
    costs = connection.execute(newest.order_by(columns.id.desc()).limit(NEWEST)).scalars().all()
    return -(-sum(costs) * WEI_PER_GWEI // len(costs)) if costs else 0


def to_gwei(wei: int) -> int:
    """Rounded up."""
    return -(-wei // WEI_PER_GWEI)
