"""Points that a purchase earned: issued, or held back until the return window ends; and the debt that a credit pays
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from token_service.errors import InvariantBroken
from token_service.ledger import stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.details import lots_of
from token_service.ledger.own_wallets import OURS
from token_service.ledger.posting import change_lots, credit, fact, sweep_expired
from token_service.ledger.staged import Debt, Operation
from token_service.ledger.transaction import Transaction
from token_service.program import lots as engine
from token_service.program.award_expiry import dated_points
from token_service.program.earning import Award
from token_service.program.lots import Use
from token_service.program.windows import Wait
from token_service.units import EntryKind


def award_points(tx: Transaction, account: Account, operation: Operation, points: int) -> None:
    """The issuances of what is left of an award, one for each date at which points of it expire, the earliest first; and the
    reversals right behind them that pay what the member owes.
    """
    parts = dated_points(
        tx.ruleset(operation.ruleset_hash),
        Award.from_json(operation.result).breakdown,
        points,
        of_purchase=operation.kind == "purchase",
        occurred_at=operation.occurred_at,
        last_activity=account.last_activity_at,
    )
    if sum(part.points for part in parts) != points:
        raise InvariantBroken("an award's parts are not the award", operation=operation.id)
    for part in parts:
        credit(
            tx,
            account,
            operation,
            kind=EntryKind.ISSUANCE,
            points=part.points,
            party=tx.merchant(operation.merchant_id).party,
            expires_at=part.expires_at,
            keeps_date=part.keeps_date,
            more={
                "facts": operation.facts,
                "breakdown": operation.result["breakdown"],
                "awarded": operation.result["points"],
            },
        )
    pay_debts(tx, account)


def hold_back(tx: Transaction, account: Account, operation: Operation, points: int, wait: Wait) -> None:
    """The award becomes pending: a fact now, an issuance when it is due, unless it lapses for want of a delivery."""
    operation.result["due_at"] = wait.due_at.isoformat()
    if wait.delivery_by is not None:
        operation.result["delivery_by"] = wait.delivery_by.isoformat()
    more = {"facts": operation.facts, **operation.result}
    fact(tx, account, "award_pending", operation=operation, more=more, points=points, due_at=wait.due_at)
    tx.staged.awards.append((operation.id, account.id, points, wait.due_at, wait.delivery_by))


def pay_debts(tx: Transaction, account: Account) -> int:
    """Points paid of what the member owes, oldest debt first, from what is available; one reversal for each debt.

    Called right behind every credit but a restoration (DESIGN §3.4). A voided credit's debt is paid by a void entry:
    neither of the two is ever settled, so the ledger keeps agreeing with the chain (DESIGN §3.7).
    """
    paid = 0
    if not account.debt or account.state not in OURS:  # nobody but the member takes points out of their own wallet
        return paid
    sweep_expired(tx, account)
    for operation_id, voids, party, owed in _owed(tx, account):
        points = min(owed, account.available)
        if points <= 0:
            continue
        cause = None if operation_id is None else operation_named(tx, operation_id)
        uses = engine.reverse(
            stored_lots.open_lots(tx, account),
            points,
            operation_id="" if cause is None else cause.parent_id or cause.id,
            at=stored_lots.consumption_time(tx),
        )
        if not uses:
            break
        entry = change_lots(
            tx,
            account,
            cause,
            kind=EntryKind.REVERSAL if voids is None else void_kind(tx, voids),
            uses=uses,
            party=party,
            more={"pays_debt": True},
            voids=voids,
            ruleset_hash=None if cause is not None else tx.ruleset_hash_at(tx.now),
        )
        owe(tx, account, points=entry.points, party=party, operation_id=operation_id, voids=voids, entry_id=entry.id)
        if voids is not None:
            void_fact(tx, account, voids, uses, pays_debt=True)
        paid -= entry.points
    return paid


def owe(
    tx: Transaction,
    account: Account,
    *,
    points: int,
    party: int,
    operation_id: str | None = None,
    voids: str | None = None,
    entry_id: str | None = None,
    recorded_at: datetime | None = None,
) -> None:
    """A debt row: more is owed (+), or an entry paid some (−); as of now unless it is written again after a repair."""
    tx.staged.debts.append(
        Debt(
            id=tx.new_id("dbt"),
            member_id=account.id,
            operation_id=operation_id,
            voids=voids,
            points=points,
            entry_id=entry_id,
            party=party,
            recorded_at=recorded_at or tx.now,
        )
    )
    account.debt += points
    account.is_changed = True


def void_fact(tx: Transaction, account: Account, voids: str, uses: Sequence[Use], **more: Any) -> None:
    """Says on the chain what a void did: neither it nor the entry that it undoes is ever settled."""
    points = sum(use.points for use in uses)
    fact(tx, account, "void", operation=None, more={"voids": voids, "points": points, "lots": lots_of(uses), **more})


def void_kind(tx: Transaction, entry_id: str) -> EntryKind:
    """The kind that a void of this entry has."""
    query = select(tables.entries.c.kind).where(tables.entries.c.id == entry_id)
    return EntryKind(tx.connection.execute(query).scalar_one())


def operation_named(tx: Transaction, operation_id: str) -> Operation:
    """An operation, also one that this transaction staged, with its parts counted."""
    from token_service.ledger import operations

    for staged in tx.staged.operations:
        if staged.id == operation_id:
            return staged
    found = operations.loaded(tx, [operation_id])[operation_id]
    found.parts = operations.parts_of(tx, found)
    return found


def _owed(tx: Transaction, account: Account) -> list[tuple[str | None, str | None, int, int]]:
    """Cause (operation or voided entry), party and points of each open debt, oldest first."""
    columns = tables.debts.c
    query = (
        select(columns.operation_id, columns.voids, columns.party, func.sum(columns.points), func.min(columns.seq))
        .where(columns.member_id == account.id)
        .group_by(columns.operation_id, columns.voids, columns.party)
        .order_by(func.min(columns.seq))
    )
    owed: dict[tuple[str | None, str | None, int], int] = {}
    for row in tx.connection.execute(query):
        owed[row[0], row[1], row[2]] = int(row[3])
    for debt in tx.staged.debts if not tx.is_flushed else ():
        if debt.member_id == account.id:
            cause = (debt.operation_id, debt.voids, debt.party)
            owed[cause] = owed.get(cause, 0) + debt.points
    return [(*cause, points) for cause, points in owed.items() if points > 0]
