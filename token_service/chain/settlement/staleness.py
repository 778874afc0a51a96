"""A chain that does not move: when nothing new was read for a while although something is on its way, lanes wait and say so.

The node may be away, lag, or stand still with its network; which of them, its endpoints tell (`mereau doctor`). Without
anything on its way a chain that makes blocks on demand stands still, too, and that is no fault. Sending the same bytes goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import Cursor, read_cursor
from token_service.chain.settlement.lanes import IN_FLIGHT, Code
from token_service.errors import NotInitialised
from token_service.ledger.settlement_tables import transactions

LOOK_SECONDS: Final = 1.0


@dataclass(slots=True)
class ChainWatch:
    """Since when the newest block that was read is the same. This process's memory; it carries no truth."""

    newest: Cursor | None = None
    since: float = 0.0
    look_at: float = 0.0
    was_stale: bool = False


def is_stale(services: ChainServices, watch: ChainWatch) -> str | None:
    """Why the chain counts as standing still, None if it moves or nothing waits for it."""
    with services.store.read() as connection:
        try:
            newest = read_cursor(connection, "indexed")
        except NotInitialised:
            return None
        waits = _waits(connection)
    now = services.monotonic()
    if newest != watch.newest or not waits:
        watch.newest, watch.since = newest, now
    if now - watch.since < services.limits.stale_after_seconds:
        return None
    return f"no block after {newest.number} was read for {int(now - watch.since)} s: see `mereau doctor`"


def watch_chain(services: ChainServices, watch: ChainWatch) -> None:
    """Blocks the lanes of a chain that stands still, and lets them go on when it moves. Looks once a second."""
    if services.monotonic() < watch.look_at:
        return
    watch.look_at = services.monotonic() + LOOK_SECONDS
    reason = is_stale(services, watch)
    if reason is not None and watch.was_stale:
        return
    watch.was_stale = reason is not None
    with services.store.ask() as connection:
        lanes = lane_rows.read_lanes(connection)
    wanted = [lane for lane in lanes if (lane.state == "active") == watch.was_stale]
    if reason is None:
        wanted = [lane for lane in wanted if lane.code == Code.STALE]
    if wanted:
        services.commit("stale", lambda connection: _set(connection, [lane.number for lane in wanted], reason))


def _waits(connection: Connection) -> bool:
    query = select(transactions.c.id).where(transactions.c.state.in_(IN_FLIGHT)).limit(1)
    return connection.execute(query).first() is not None


def _set(connection: Connection, numbers: list[int], reason: str | None) -> None:
    for number in numbers:
        if reason is None:
            lane_rows.go_on(connection, number, after=Code.STALE)
        else:
            lane_rows.set_state(connection, number, "blocked", Code.STALE, reason, only_from=("active",))
