"""Writes what a transaction staged: appended rows first, each table in one go, then cached figures. All of it is one
round trip to the database where that can be had.

Here entries and facts get their commitment and the service's promise (CONTRACT §2), so what is written is always
promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, update

from token_service.errors import InvariantBroken
from token_service.ledger import direct, promising, tables
from token_service.ledger.accounts import FIGURES, Account
from token_service.ledger.admin_operations import enqueue
from token_service.ledger.benefit_rows import write_benefit_uses
from token_service.ledger.campaign_uses import write_uses
from token_service.ledger.challenge_rows import write_challenges
from token_service.ledger.direct import Change
from token_service.ledger.hold_tables import holds
from token_service.ledger.membership_rows import write_periods
from token_service.ledger.notices import write_notices
from token_service.ledger.points_payments import write_payments
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Debt, Entry, Fact, HoldState, LotUse, NewVoucherRow, Operation, PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.ledger.undone_uses import write_undone_uses

_STATE_COLUMNS = (
    "kept",
    "taken",
    "refunded_cents",
    "tier_spend_cents",
    "tier_points",
    "tier_orders",
    "tier_engagement",
)


_CHANGE_LOT = Change(tables.lots, "entry_id", ("points_left", "points_held", "expires_at"))
_CHANGE_PURCHASE = Change(tables.purchases, "operation_id", _STATE_COLUMNS)
_CHANGE_MEMBER = Change(tables.members, "id", FIGURES)


def flush(tx: Transaction) -> None:
    """Writes everything but merchants' counters (ceilings.write_charges)."""
    leaf_rows = promising.leaf_rows(tx, tx.staged.leaves)
    tx.written_leaves = {row["id"]: row for row in leaf_rows}
    with tx.context.store.one_trip(tx.connection):
        _write(tx, leaf_rows)
    for kind, _role, arguments in tx.staged.admin_operations:
        enqueue(tx.connection, operation_id=tx.new_id("adm"), kind=kind, arguments=arguments, created_at=tx.now)


def _write(tx: Transaction, leaf_rows: list[dict[str, Any]]) -> None:
    staged = tx.staged
    direct.append(tx.connection, tables.operations, _rows(staged.operations))
    direct.append(tx.connection, tables.facts, _rows(staged.facts))
    direct.append(tx.connection, tables.entries, [row | {"kind": int(row["kind"])} for row in _rows(staged.entries)])
    _write_lots(tx)
    direct.append(tx.connection, tables.lot_uses, _rows(staged.lot_uses))
    direct.append(tx.connection, tables.debts, _rows(staged.debts))
    direct.append(tx.connection, tables.purchases, _rows(staged.purchases))
    _update_purchases(tx, staged.changed_purchases)
    write_payments(tx)
    write_uses(tx)
    write_challenges(tx)
    write_periods(tx)
    write_benefit_uses(tx)
    direct.append(tx.connection, holds, _rows(staged.holds))
    for state in staged.changed_holds:
        here = update(holds).where(holds.c.operation_id == state.operation_id)
        tx.connection.execute(here.values(state=state.state, captured=state.captured, lots=state.lots))
    _write_awards(tx)
    direct.append(tx.connection, vouchers, _rows(staged.vouchers))
    _cancel_vouchers(tx)
    write_undone_uses(tx)
    write_notices(tx)
    direct.append(tx.connection, leaves, leaf_rows)
    _write_accounts(tx)


def _rows(
    staged: Sequence[Operation | Entry | Fact | LotUse | Debt | PurchaseState | HoldState | NewVoucherRow],
) -> list[dict[str, Any]]:
    """The columns of one table: a staged row's fields, but for the count of an operation's parts."""
    if not staged:
        return []
    names = [name for name in staged[0].__slots__ if name != "parts"]
    return [{name: getattr(row, name) for name in names} for row in staged]


def _write_lots(tx: Transaction) -> None:
    new, changed = [], []
    for account in tx.accounts():
        for lot_id in account.changed_lots:
            stored = account.lots[lot_id]
            lot = stored.lot
            if not stored.is_new:
                values = {"points_left": lot.left, "points_held": stored.held, "expires_at": lot.expires_at}
                changed.append({"of": lot.id} | {"new_" + name: value for name, value in values.items()})
                continue
            new.append(
                {
                    "entry_id": lot.id,
                    "member_id": account.id,
                    "operation_id": lot.operation_id,
                    "points": lot.points,
                    "points_left": lot.left,
                    "points_held": stored.held,
                    "party": stored.party,
                    "ruleset_hash": stored.ruleset_hash,
                    "issued_at": lot.issued_at,
                    "expires_at": lot.expires_at,
                    "keeps_date": lot.keeps_date,
                }
            )
    direct.append(tx.connection, tables.lots, new)
    if changed:
        direct.change_each(tx.connection, _CHANGE_LOT, changed)


def _update_purchases(tx: Transaction, states: list[PurchaseState]) -> None:
    if not states:
        return
    rows = [
        {"of": state.operation_id} | {"new_" + name: getattr(state, name) for name in _STATE_COLUMNS}
        for state in states
    ]
    direct.change_each(tx.connection, _CHANGE_PURCHASE, rows)


def _write_awards(tx: Transaction) -> None:
    awards = tables.awards.c
    names = ("operation_id", "member_id", "points", "due_at", "delivery_by")
    direct.append(tx.connection, tables.awards, [dict(zip(names, row, strict=True)) for row in tx.staged.awards])
    for operation_id, points in tx.staged.changed_awards:
        here = awards.operation_id == operation_id
        statement = (
            update(tables.awards).where(here).values(points=points) if points else delete(tables.awards).where(here)
        )
        tx.connection.execute(statement)
    for operation_id, due_at in tx.staged.delivered_awards:
        here = awards.operation_id == operation_id
        tx.connection.execute(update(tables.awards).where(here).values(due_at=due_at, delivery_by=None))


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
    rows = [{"of": account.id} | {"new_" + name: getattr(account, name) for name in FIGURES} for account in changed]
    direct.change_each(tx.connection, _CHANGE_MEMBER, rows)


def _check(account: Account) -> None:
    """DESIGN §3.2, once more before the store (the database checks it, too)."""
    figures = account.issued - account.redeemed - account.expired - account.reversed
    if min(account.available, account.held, account.pending, account.debt) < 0 or account.balance != figures:
        raise InvariantBroken("a member's figures do not add up")
    if any(not 0 <= stored.held <= stored.lot.left for stored in account.lots.values()):
        raise InvariantBroken("a hold sets aside more than its lot has")
    if account.lots_are_loaded and account.balance != sum(stored.lot.left for stored in account.lots.values()):
        raise InvariantBroken("a member's lots do not add up to the balance")
