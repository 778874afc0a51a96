"""The answer of a use case that moves points: flushes what it staged, then reads entries, promise and balance back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from token_service.errors import Refused
from token_service.ledger.balances import balance_of
from token_service.ledger.context import Context
from token_service.ledger.entry_views import entries_of, promises_of
from token_service.ledger.noting_refusals import Asked
from token_service.ledger.operations import Done
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction, simulate, write
from token_service.ledger.views import Outcome, Simulation

Value = TypeVar("Value")
Show = Callable[[Transaction, Operation], Value]


def outcome(
    context: Context, work: Callable[[Transaction], Done], show: Show[Value], asked: Asked | None = None
) -> Outcome[Value]:
    """What `work` did, in one write transaction, as its caller is answered; a limit's refusal of what was `asked` for is kept."""

    def run(tx: Transaction) -> Outcome[Value]:
        done = work(tx)
        tx.flush()
        operation = done.operation
        entries = tuple(entries_of(tx, [operation.id])[operation.id])
        is_first_leaf = bool(entries) and not done.replayed  # a replay may find a pending award's fact before its entry
        promise = entries[0].promise if is_first_leaf else promises_of(tx, [operation.id]).get(operation.id)
        return Outcome(
            value=show(tx, operation),
            replayed=done.replayed,
            entries=entries,
            balance=balance_of(tx, tx.account(operation.member_id)),
            promise=promise,
        )

    return write(context, run, asked)


def simulated(
    context: Context, work: Callable[[Transaction], Done], show: Show[Value], member_of: Callable[[Transaction], str]
) -> Simulation[Value]:
    """What `work` would do: the same code, not written. A refusal by the rules is an answer; wrong input raises."""

    def run(tx: Transaction) -> Simulation[Value]:
        account = tx.account(member_of(tx))
        answer = tx.attempt(lambda: work(tx))
        if isinstance(answer, Done):
            return Simulation(value=show(tx, answer.operation), balance=balance_of(tx, tx.account(account.id)))
        if not isinstance(answer, Refused):
            raise answer
        balance = balance_of(tx, tx.account(account.id))
        return Simulation(value=None, balance=balance, refusal=answer.code, detail=answer.detail, facts=answer.facts)

    return simulate(context, run)
