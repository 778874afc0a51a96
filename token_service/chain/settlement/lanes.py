"""One lane: an operator's row with the next nonce, the next sequence and whether it may go on (DESIGN §5).

active → draining (a transaction failed on the chain; nothing new until the rest has landed) → blocked (waits for what `reason`
says, resumes by itself) ; halted (a person must clear it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from token_service.errors import NotInitialised
from token_service.ledger.settlement_tables import LANE, lanes, transactions

RESTORE_LEDGER: Final = (
    "this ledger is older than the chain; stop serving and restore the newer ledger, entries wait (docs/operators.md)"
)
IN_FLIGHT: Final = ("signed", "sent")


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as read at one moment."""

    number: int
    operator: str
    next_nonce: int
    next_seq: int
    state: str
    reason: str | None


def read_lane(connection: Connection, *, lock: bool = False) -> Lane:
    """The lane's row, locked until the transaction ends if asked. Raises NotInitialised if there is none."""
    query = select(lanes).where(lanes.c.number == LANE)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotInitialised("no operator has a lane yet: run `mereau deploy`")
    return Lane(*row)


def open_lane(connection: Connection, *, operator: str, next_nonce: int, next_seq: int) -> None:
    """The lane exists; what is there stays."""
    if connection.execute(select(lanes.c.number).where(lanes.c.number == LANE)).first() is None:
        values = {"number": LANE, "operator": operator, "next_nonce": next_nonce, "next_seq": next_seq}
        connection.execute(insert(lanes).values(**values, state="active"))


def set_state(connection: Connection, state: str, reason: str | None, *, only_from: tuple[str, ...]) -> None:
    """Moves the lane if it is in one of the named states."""
    query = update(lanes).where(lanes.c.number == LANE, lanes.c.state.in_(only_from))
    connection.execute(query.values(state=state, reason=reason))


def in_flight(connection: Connection, operator: str) -> int:
    """How many of the account's transactions are in no block yet."""
    query = select(func.count()).select_from(transactions)
    found = connection.execute(
        query.where(transactions.c.operator == operator, transactions.c.state.in_(IN_FLIGHT))
    ).scalar_one()
    return int(found)


def next_nonce(connection: Connection, operator: str, on_chain: int) -> int:
    """The nonce after everything that is recorded for the account, or what the chain says if nothing is."""
    query = select(func.max(transactions.c.nonce)).where(transactions.c.operator == operator)
    newest = connection.execute(query).scalar_one()
    return on_chain if newest is None else max(on_chain, int(newest) + 1)
