"""Writes what a transaction staged: appended rows first, each table in one go, then cached figures, then merchants'
counters.

Here entries and facts get their commitment and the service's promise (CONTRACT §2), so what is written is always
promised.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import bindparam, delete, insert, update

from token_service.errors import InvariantBroken
from token_service.ledger import ceilings, promising, tables
from token_service.ledger.accounts import FIGURES, Account
from token_service.ledger.admin_operations import enqueue
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Operation, PurchaseState
from token_service.ledger.transaction import Transaction

_OPERATION_COLUMNS = tuple(item.name for item in fields(Operation) if item.name != "parts")
_STATE_COLUMNS = ("kept", "taken", "refunded_cents", "tier_spend_cents", "tier_points", "tier_orders")


def flush(tx: Transaction) -> None:
    """Writes everything. Raises CeilingReached when another transaction took the room meanwhile."""
    staged = tx.staged
    _append(
        tx, tables.operations, [{name: getattr(row, name) for name in _OPERATION_COLUMNS} for row in staged.operations]
    )
    _append(tx, tables.facts, [asdict(row) for row in staged.facts])
    _append(tx, tables.entries, [asdict(row) | {"kind": int(row.kind)} for row in staged.entries])
    _write_lots(tx)
    _append(tx, tables.lot_uses, [asdict(row) for row in staged.lot_uses])
    _append(tx, tables.debts, [asdict(row) for row in staged.debts])
    _append(tx, tables.purchases, [asdict(row) for row in staged.purchases])
    _update_purchases(tx, staged.changed_purchases)
    _write_awards(tx)
    _append(tx, vouchers, [asdict(row) for row in staged.vouchers])
    _cancel_vouchers(tx)
    ceilings.write_charges(tx)  # before the leaves, which a new window's count starts from
    _append(tx, leaves, promising.leaf_rows(tx, staged.leaves))
    _write_accounts(tx)
    for kind, _role, arguments in staged.admin_operations:
        enqueue(tx.connection, operation_id=tx.new_id("adm"), kind=kind, arguments=arguments, created_at=tx.now)


def _append(tx: Transaction, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.connection.execute(insert(table).inline(), rows)


def _write_lots(tx: Transaction) -> None:
    new, changed = [], []
    for account in tx.accounts():
        for lot_id in account.changed_lots:
            stored = account.lots[lot_id]
            lot = stored.lot
            if not stored.is_new:
                changed.append({"lot": lot.id, "left": lot.left, "until": lot.expires_at})
                continue
            new.append(
                {
                    "entry_id": lot.id,
                    "member_id": account.id,
                    "operation_id": lot.operation_id,
                    "points": lot.points,
                    "points_left": lot.left,
                    "party": stored.party,
                    "ruleset_hash": stored.ruleset_hash,
                    "issued_at": lot.issued_at,
                    "expires_at": lot.expires_at,
                }
            )
    _append(tx, tables.lots, new)
    if changed:
        where = tables.lots.c.entry_id == bindparam("lot")
        values: dict[str, Any] = {"points_left": bindparam("left"), "expires_at": bindparam("until")}
        tx.connection.execute(update(tables.lots).where(where).values(values), changed)


def _update_purchases(tx: Transaction, states: list[PurchaseState]) -> None:
    if not states:
        return
    where = tables.purchases.c.operation_id == bindparam("of")
    values: dict[str, Any] = {name: bindparam("new_" + name) for name in _STATE_COLUMNS}
    rows = [
        {"of": state.operation_id} | {"new_" + name: getattr(state, name) for name in _STATE_COLUMNS}
        for state in states
    ]
    tx.connection.execute(update(tables.purchases).where(where).values(values), rows)


def _write_awards(tx: Transaction) -> None:
    awards = tables.awards.c
    names = ("operation_id", "member_id", "points", "due_at")
    _append(tx, tables.awards, [dict(zip(names, row, strict=True)) for row in tx.staged.awards])
    for operation_id, points in tx.staged.changed_awards:
        here = awards.operation_id == operation_id
        statement = (
            update(tables.awards).where(here).values(points=points) if points else delete(tables.awards).where(here)
        )
        tx.connection.execute(statement)


def _cancel_vouchers(tx: Transaction) -> None:
    if tx.staged.cancelled_vouchers:
        where = vouchers.c.id.in_(tx.staged.cancelled_vouchers)
        tx.connection.execute(update(vouchers).where(where).values(cancelled_at=tx.now))


def _write_accounts(tx: Transaction) -> None:
    changed = [account for account in tx.accounts() if account.is_changed]
    if not changed:
        return
    for account in changed:
        _check(account)
    values: dict[str, Any] = {name: bindparam("new_" + name) for name in FIGURES}
    statement = update(tables.members).where(tables.members.c.id == bindparam("member")).values(values)
    rows = [{"member": account.id} | {"new_" + name: getattr(account, name) for name in FIGURES} for account in changed]
    tx.connection.execute(statement, rows)


def _check(account: Account) -> None:
    """DESIGN §3.2, once more before the store (the database checks it, too)."""
    figures = account.issued - account.redeemed - account.expired - account.reversed
    if min(account.available, account.held, account.pending, account.debt) < 0 or account.balance != figures:
        raise InvariantBroken("a member's figures do not add up")
    if account.lots_are_loaded and account.balance != sum(stored.lot.left for stored in account.lots.values()):
        raise InvariantBroken("a member's lots do not add up to the balance")
