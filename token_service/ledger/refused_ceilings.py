"""A ceiling that the contract refused: the ledger goes back to what the chain has, so that it promises nothing that
would wait there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from token_service.ledger.settlement_tables import admin_operations
from token_service.ledger.store import Store
from token_service.ledger.tables import ceiling_slots, merchants
from token_service.units import POINTS_MAX

KINDS = ("register_party", "set_ceiling")


@dataclass(frozen=True, slots=True)
class ChainCeiling:
    """A party's ceiling as the contract has it: points and seconds now, and the raise that was announced, if any.

    A party that is not registered may issue nothing.
    """

    points: int
    period_seconds: int
    next_points: int | None = None
    next_period_seconds: int | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusedCeiling:
    """A merchant whose last order about its ceiling failed on the chain; `reason` says why, and what acts instead."""

    merchant_name: str
    kind: str
    reason: str


def put_back(connection: Connection, party: int, ceiling: ChainCeiling) -> str | None:
    """Writes the chain's ceiling into the merchant's row inside the caller's transaction; answers the sentence about it.

    None, and nothing is written, when no merchant has this number or when a later order about it is still on its way:
    the ledger follows the newest order, and that one's own outcome decides.
    """
    columns = admin_operations.c
    on_their_way = select(columns.arguments).where(columns.kind.in_(KINDS), columns.state.in_(("accepted", "sent")))
    if any(arguments["party"] == party for arguments in connection.execute(on_their_way).scalars()):
        return None
    points = min(ceiling.points, POINTS_MAX)
    written = connection.execute(
        update(merchants)
        .where(merchants.c.party == party)
        .values(
            ceiling_points=points,
            ceiling_period_seconds=ceiling.period_seconds,
            next_ceiling_points=None if ceiling.next_points is None else min(ceiling.next_points, POINTS_MAX),
            next_ceiling_period_seconds=ceiling.next_period_seconds,
            next_ceiling_at=ceiling.next_at,
            window_number=None,  # counted anew from the entries themselves
        )
    )
    of_party = select(merchants.c.id).where(merchants.c.party == party)
    connection.execute(delete(ceiling_slots).where(ceiling_slots.c.merchant_id.in_(of_party)))
    return f"the ceiling is again the chain's: {points} points" if written.rowcount else None


def refused_ceilings(store: Store) -> tuple[RefusedCeiling, ...]:
    """Merchants, by party, whose newest finished order about their ceiling failed."""
    columns = admin_operations.c
    query = select(columns.kind, columns.arguments, columns.state, columns.error)
    query = query.where(columns.kind.in_(KINDS), columns.state.in_(("final", "failed"))).order_by(columns.seq)
    with store.read() as connection:
        newest = {row.arguments["party"]: row for row in connection.execute(query)}
        failed = {party: row for party, row in newest.items() if row.state == "failed"}
        named = select(merchants.c.party, merchants.c.name).where(merchants.c.party.in_(failed))
        found = connection.execute(named.order_by(merchants.c.party)).all()
    return tuple(RefusedCeiling(row.name, failed[row.party].kind, failed[row.party].error or "") for row in found)
