"""Lanes: each is an operator's row with the next nonce, the next sequence and whether it may go on (DESIGN §5).

active → draining (a transaction failed on the chain; nothing new until the rest has landed) → blocked (waits for what the reason
says, resumes by itself) ; halted (a person must clear it) ; disabled (retired, for ever).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Select, func, insert, select, update

from token_service.errors import NotFound, NotInitialised
from token_service.ledger import unknown_references
from token_service.ledger.lane_choice import FIRST_LANE
from token_service.ledger.settlement_tables import lanes, leaves, transactions

RESTORE_LEDGER: Final = (
    "this ledger is older than the chain; stop serving, restore the newest copy and run `mereau repair` "
    "(docs/operators.md)"
)
IN_FLIGHT: Final = ("signed", "sent")
WORKING: Final = ("active", "draining", "blocked")
"""States that a lane leaves by itself."""


class Code(StrEnum):
    """Why a lane stands still. Those before the gap pass by themselves, the others wait for a person."""

    PAUSED = "paused"
    FUNDS = "out_of_funds"
    FEE_CEILING = "fee_ceiling"
    GAS_BUDGET = "gas_budget"
    STALE = "rpc_stale"
    ROLE = "role_missing"
    REFUSED = "refused"  # the contract refuses a batch for another reason that may pass
    FAILED = "batch_failed"  # draining: until the failure is final

    FOREIGN = "foreign_nonce"
    CHAIN_AHEAD = "chain_ahead"
    DEEP_REORG = "deep_reorg"
    MALFORMED = "malformed"
    MISMATCH = "batch_mismatch"
    SEQUENCE = "out_of_sequence"
    RECONCILE = "reconcile_mismatch"


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as read at one moment."""

    number: int
    operator: str
    next_nonce: int
    next_seq: int
    state: str
    reason: str | None = None
    code: str | None = None
    is_retiring: bool = False


_LANES: Final = select(
    lanes.c.number, lanes.c.operator, lanes.c.next_nonce, lanes.c.next_seq, lanes.c.state, lanes.c.reason,
    lanes.c.reason_code, lanes.c.is_retiring,
)  # fmt: skip


def read_lane(connection: Connection, number: int = FIRST_LANE) -> Lane:
    """The lane's row. Raises NotInitialised if there is no lane at all, NotFound if there is none of this number."""
    found = _one(connection, _LANES.where(lanes.c.number == number))
    if found is not None:
        return found
    if not read_lanes(connection):
        raise NotInitialised("no operator has a lane yet: run `mereau deploy`")
    raise NotFound(f"there is no lane {number}")


def read_lanes(connection: Connection) -> list[Lane]:
    """Every lane, disabled ones too, by number."""
    return [Lane(*row) for row in connection.execute(_LANES.order_by(lanes.c.number))]


def lock_lane(connection: Connection, number: int) -> Lane | None:
    """The lane's row, locked until the transaction ends; None when another worker has locked it."""
    return _one(connection, _LANES.where(lanes.c.number == number).with_for_update(skip_locked=True))


def lane_of(connection: Connection, operator: str) -> Lane | None:
    """The lane of an account; None if it has none (an administrator's, or an operator that the ledger does not know)."""
    return _one(connection, _LANES.where(lanes.c.operator == operator))


def _one(connection: Connection, query: Select[int, str, int, int, str, str | None, str | None, bool]) -> Lane | None:
    row = connection.execute(query).first()
    return None if row is None else Lane(*row)


def has_unsettled(connection: Connection, number: int) -> bool:
    """Whether something waits in the lane or is on its way."""
    columns = leaves.c
    query = select(columns.seq).where(columns.state.in_(("accepted", "batched", "mined")), columns.lane == number)
    return connection.execute(query.limit(1)).first() is not None


def open_lane(
    connection: Connection, *, operator: str, next_nonce: int, next_seq: int, waits_for: tuple[Code, str] | None = None
) -> int:
    """The number of the operator's lane, new unless it has one. With `waits_for` it is blocked until that is there."""
    known = lane_of(connection, operator)
    if known is not None:
        return known.number
    newest = connection.execute(select(func.max(lanes.c.number))).scalar_one()
    number = FIRST_LANE if newest is None else int(newest) + 1
    values = {"number": number, "operator": operator, "next_nonce": next_nonce, "next_seq": next_seq, "state": "active"}
    if waits_for is not None:
        values |= {"state": "blocked", "reason_code": waits_for[0], "reason": waits_for[1]}
    connection.execute(insert(lanes).values(**values))
    return number


def set_state(
    connection: Connection,
    number: int,
    state: str,
    code: Code | None,
    reason: str | None,
    *,
    only_from: tuple[str, ...],
) -> None:
    """Moves the lane if it is in one of the named states."""
    query = update(lanes).where(lanes.c.number == number, lanes.c.state.in_(only_from))
    connection.execute(query.values(state=state, reason_code=code, reason=reason))


def go_on(connection: Connection, number: int, *, after: Code) -> None:
    """The lane is active again, if it is blocked for this reason."""
    query = update(lanes).where(lanes.c.number == number, lanes.c.state == "blocked", lanes.c.reason_code == after)
    connection.execute(query.values(state="active", reason_code=None, reason=None))


def end_draining(connection: Connection) -> None:
    """Lanes that drained go on, unless a transaction of theirs that failed is in a block and not decided yet."""
    columns = transactions.c
    failed = select(columns.operator).where(columns.state == "mined", columns.succeeded.is_(False))
    again = update(lanes).where(lanes.c.state == "draining", lanes.c.operator.not_in(failed))
    connection.execute(again.values(state="active", reason=None, reason_code=None))


def halt(connection: Connection, number: int, code: Code, reason: str) -> None:
    """The lane waits for a person. While the chain is ahead of it, references may name what only the chain knows."""
    if code is Code.CHAIN_AHEAD:
        unknown_references.note_behind(connection)
    set_state(connection, number, "halted", code, reason, only_from=WORKING)


def halt_all(connection: Connection, code: Code, reason: str) -> None:
    """Every lane waits for a person: what was seen concerns the chain, or all keys."""
    if code is Code.CHAIN_AHEAD:
        unknown_references.note_behind(connection)
    query = update(lanes).where(lanes.c.state.in_(WORKING))
    connection.execute(query.values(state="halted", reason_code=code, reason=reason))


def halt_of(connection: Connection, operator: str, code: Code, reason: str) -> None:
    """The account's lane waits for a person; all of them where the account has none: an administrator's key, or one unknown."""
    lane = lane_of(connection, operator)
    if lane is None:
        halt_all(connection, code, reason)
    else:
        halt(connection, lane.number, code, reason)


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
