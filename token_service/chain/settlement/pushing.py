"""Push: stored bytes go to the node, in nonce order, again and again until they are in a block (DESIGN §5, rules A and D).

A refusal that is not understood counts as "perhaps accepted". Sending the same bytes twice does no harm: the nonce admits them
once, and the batch's sequence a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, and_, func, select, update

from token_service.chain import reads
from token_service.chain.send_errors import Refusal, classify
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import IN_FLIGHT, Code
from token_service.chain.settlement.receipt_storage import ensure_filed
from token_service.errors import RpcError
from token_service.ledger.settlement_tables import attempts, transactions
from token_service.ledger.worker_figures import PUSHES

UNSURE_SECONDS: Final = 2.0
"""After an answer that is no acceptance, the same bytes go again this soon."""
TAKEN: Final = frozenset({Refusal.ACCEPTED, Refusal.CONSUMED, Refusal.HIGHER_EXISTS, Refusal.TOO_CHEAP})
"""Answers after which the next nonce may follow."""


@dataclass(slots=True)
class PushMemory:
    """Timers of this process. A new process has none and sends everything once more, which does no harm."""

    due: dict[int, float] = field(default_factory=dict)  # attempt id → when to send again
    first_sent: dict[int, float] = field(default_factory=dict)  # transaction id → when the node first had it
    too_cheap: set[int] = field(default_factory=set)  # transaction ids that need higher fees

    def keep_only(self, rows: Sequence[Pending]) -> None:
        """Forgets what is no longer in flight."""
        attempts_left, transactions_left = {row.attempt_id for row in rows}, {row.transaction_id for row in rows}
        self.due = {key: value for key, value in self.due.items() if key in attempts_left}
        self.first_sent = {key: value for key, value in self.first_sent.items() if key in transactions_left}
        self.too_cheap &= transactions_left


@dataclass(frozen=True, slots=True)
class Pending:
    """A transaction that is in no block yet, with its newest attempt."""

    transaction_id: int
    operator: str
    nonce: int
    state: str
    batch_id: int | None
    attempt_id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the node said about one attempt; `refusal` ACCEPTED also stands for a plain yes."""

    pending: Pending
    refusal: Refusal
    error: str | None


def push(services: ChainServices, memory: PushMemory, accounts: Collection[str] | None = None) -> int:
    """Sends what is due of these accounts (None: of all); how many transactions the node was given.

    Raises NodeUnreachable after recording what was sent.
    """
    with services.store.ask() as connection:
        rows = pending(connection, accounts)
    memory.keep_only(rows)
    sent = 0
    for operator, group in groupby(rows, key=lambda row: row.operator):
        outcomes: list[Outcome] = []
        try:
            for row in group:
                if not _is_due(services, memory, row):
                    if row.transaction_id not in memory.first_sent:
                        break  # perhaps the node has it, perhaps not: the next nonce waits for that
                    continue
                outcomes.append(_send(services, memory, row))
                if outcomes[-1].refusal not in TAKEN:
                    break
        finally:
            if outcomes:
                _record(services, operator, outcomes)
        sent += len(outcomes)
    return sent


def pending(connection: Connection, accounts: Collection[str] | None = None) -> list[Pending]:
    """Everything signed or sent of these accounts (None: of all), by account and nonce, each with its newest attempt."""
    columns = transactions.c
    others = attempts.alias()
    newest = select(func.max(others.c.bump)).where(others.c.transaction_id == columns.id).scalar_subquery()
    query = (
        select(
            columns.id, columns.operator, columns.nonce, columns.state, columns.batch_id, attempts.c.id, attempts.c.raw
        )
        .select_from(transactions)
        .join(attempts, and_(attempts.c.transaction_id == columns.id, attempts.c.bump == newest))
        .where(columns.state.in_(IN_FLIGHT))
        .order_by(columns.operator, columns.nonce)
    )
    if accounts is not None:
        query = query.where(columns.operator.in_(accounts))
    return [Pending(*row) for row in connection.execute(query)]


def _is_due(services: ChainServices, memory: PushMemory, row: Pending) -> bool:
    if row.state == "signed" and row.attempt_id not in memory.due:
        return True
    return services.monotonic() >= memory.due.get(row.attempt_id, 0.0)


def _send(services: ChainServices, memory: PushMemory, row: Pending) -> Outcome:
    if row.batch_id is not None:
        ensure_filed(services, row.batch_id)
    services.failpoint("push.before_send")
    now = services.monotonic()
    memory.due[row.attempt_id] = now + UNSURE_SECONDS
    try:
        reads.send(services.node, row.raw)
        outcome = Outcome(row, Refusal.ACCEPTED, None)
    except RpcError as error:
        outcome = Outcome(row, classify(error.detail), error.detail)
    services.tally.add(PUSHES, outcome.refusal.value)
    services.failpoint("push.after_send")
    if outcome.refusal in TAKEN:
        memory.due[row.attempt_id] = now + services.limits.push_again_seconds
        memory.first_sent.setdefault(row.transaction_id, now)
    if outcome.refusal is Refusal.TOO_CHEAP:
        memory.too_cheap.add(row.transaction_id)
    if outcome.refusal is Refusal.EARLY:
        memory.due.clear()
    return outcome


def _record(services: ChainServices, operator: str, outcomes: list[Outcome]) -> None:
    services.commit("push", lambda connection: _write(connection, operator, outcomes))


def _write(connection: Connection, operator: str, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        error = outcome.error if outcome.refusal is not Refusal.ACCEPTED else None
        counted = {"sent_count": attempts.c.sent_count + 1, "last_error": error}
        connection.execute(update(attempts).where(attempts.c.id == outcome.pending.attempt_id).values(**counted))
        if outcome.refusal in TAKEN or outcome.refusal is Refusal.INDETERMINATE:
            columns = transactions.c
            mine = update(transactions).where(columns.id == outcome.pending.transaction_id, columns.state == "signed")
            connection.execute(mine.values(state="sent"))
    _set_lane(connection, operator, outcomes[-1].refusal)


def _set_lane(connection: Connection, operator: str, refusal: Refusal) -> None:
    lane = lane_rows.lane_of(connection, operator)
    if lane is None:
        return
    if refusal is Refusal.FUNDS:
        reason = f"{operator} cannot pay for gas: send it money"
        lane_rows.set_state(connection, lane.number, "blocked", Code.FUNDS, reason, only_from=("active",))
    elif refusal is Refusal.MALFORMED:
        reason = "the node will never take a transaction: see its last_error"
        lane_rows.halt(connection, lane.number, Code.MALFORMED, reason)
    elif refusal in TAKEN:
        lane_rows.go_on(connection, lane.number, after=Code.FUNDS)
