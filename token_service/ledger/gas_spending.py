"""What gas has cost today, by UTC, and what it may still cost at most; in gwei, because a day's wei need more than 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from token_service.ledger.settlement_tables import attempts, transactions
from token_service.units import WEI_PER_GWEI

NEWEST = 20


@dataclass(frozen=True, slots=True)
class GasSpending:
    """`spent` by transactions in today's blocks; `under_way` is the most that those may cost whose cost is not known yet."""

    spent_gwei: int
    under_way_gwei: int

    @property
    def at_most_gwei(self) -> int:
        return self.spent_gwei + self.under_way_gwei


def gas_spending(connection: Connection, now: datetime) -> GasSpending:
    """As of now. Every account's transactions count, batches and administration."""
    columns = transactions.c
    today = columns.mined_at >= now.replace(hour=0, minute=0, second=0, microsecond=0)
    spent = connection.execute(select(func.sum(columns.fee_gwei)).where(today)).scalar_one()
    unknown = or_(columns.state.in_(("signed", "sent")), and_(today, columns.fee_gwei.is_(None)))
    query = select(columns.id, attempts.c.gas, attempts.c.max_fee_per_gas).join(
        attempts, attempts.c.transaction_id == columns.id
    )
    dearest: dict[int, int] = {}
    for transaction_id, gas, fee in connection.execute(query.where(unknown)):
        dearest[transaction_id] = max(dearest.get(transaction_id, 0), gas * fee)
    return GasSpending(int(spent or 0), sum(map(to_gwei, dearest.values())))


def batch_cost_wei(connection: Connection) -> int:
    """What a batch has cost lately, rounded up: the mean of the newest known ones. 0 while none is known."""
    columns = transactions.c
    newest = select(columns.fee_gwei).where(columns.purpose == "batch", columns.fee_gwei.is_not(None))
    costs = connection.execute(newest.order_by(columns.id.desc()).limit(NEWEST)).scalars().all()
    return -(-sum(costs) * WEI_PER_GWEI // len(costs)) if costs else 0


def to_gwei(wei: int) -> int:
    """Rounded up."""
    return -(-wei // WEI_PER_GWEI)
