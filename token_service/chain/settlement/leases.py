"""Who works on what: several workers share the lanes, and one of them reads the chain.

Leases only save work. Nothing rests on them: every step is safe beside itself (DESIGN §5), so a worker that stood still for
longer than its lease does no harm when it wakes. On SQLite there is one worker, and all work is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from token_service.chain.services import ChainServices
from token_service.ledger.settlement_tables import lanes, leases

LEASE: Final = timedelta(seconds=5)
RENEW_SECONDS: Final = 1.0
CHAIN: Final = "chain"
"""Whoever has it reads blocks, sends administrative orders and does what is due."""
WORKER: Final = "worker:"
LANE: Final = "lane:"


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker does until it looks again: these lanes by number, and the chain if it is its turn."""

    lanes: tuple[int, ...]
    chain: bool


@dataclass(slots=True)
class Leases:
    """One worker's leases. `holder` names it: unique among those that run."""

    holder: str
    share: Share = field(default_factory=lambda: Share((), chain=False))
    renew_at: float = 0.0

    def look(self, services: ChainServices) -> Share:
        """The worker's share, renewed every second."""
        if services.store.is_sqlite:
            with services.store.ask() as connection:
                return Share(tuple(_working(connection)), chain=True)
        if services.monotonic() >= self.renew_at:
            now = services.now()
            self.share = services.commit("lease", lambda connection: _renewed(connection, self.holder, now))
            self.renew_at = services.monotonic() + RENEW_SECONDS
        return self.share

    def give_back(self, services: ChainServices) -> None:
        """Lets the others go on at once instead of after five seconds."""
        if not services.store.is_sqlite:
            mine = delete(leases).where(leases.c.holder == self.holder)
            services.commit("lease", lambda connection: connection.execute(mine))


def _working(connection: Connection) -> Sequence[int]:
    query = select(lanes.c.number).where(lanes.c.state != "disabled").order_by(lanes.c.number)
    return connection.execute(query).scalars().all()


def _renewed(connection: Connection, holder: str, now: datetime) -> Share:
    columns, until = leases.c, now + LEASE
    connection.execute(delete(leases).where(columns.expires_at <= now))
    connection.execute(update(leases).where(columns.holder == holder).values(expires_at=until))
    taken = {row.name: row.holder for row in connection.execute(select(columns.name, columns.holder))}
    if WORKER + holder not in taken:
        connection.execute(insert(leases).values(name=WORKER + holder, holder=holder, expires_at=until))
    workers = _workers(connection)
    names = [CHAIN, *(f"{LANE}{number}" for number in _working(connection))]
    mine = [name for name in names if taken.get(name) == holder]
    fair = -(-len(names) // workers)
    for name in mine[fair:]:
        connection.execute(delete(leases).where(columns.name == name))
    free = [name for name in names if name not in taken][: max(0, fair - len(mine))]
    if free:
        connection.execute(insert(leases), [{"name": name, "holder": holder, "expires_at": until} for name in free])
    kept = [*mine[:fair], *free]
    numbers = tuple(int(name.removeprefix(LANE)) for name in kept if name != CHAIN)
    return Share(numbers, chain=CHAIN in kept)


def _workers(connection: Connection) -> int:
    query = select(func.count()).where(leases.c.name.startswith(WORKER, autoescape=True))
    return int(connection.execute(query).scalar_one())
