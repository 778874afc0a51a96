"""Vouchers' rows as other use cases meet them: what giving a redemption back does to its voucher.

A voucher is open until a merchant honours it (used) or its redemption is given back (cancelled). Whoever changes one holds the
lock on its member's account.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, select

from token_service.errors import VoucherUsed
from token_service.ledger import checks
from token_service.ledger.context import Actor
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.transaction import Transaction


def voucher_row(tx: Transaction, where: ColumnElement[bool]) -> Row[Any] | None:
    """The one voucher that this condition on a unique column names, or None."""
    return tx.connection.execute(select(vouchers).where(where)).one_or_none()


def state_of(row: Row[Any]) -> str:
    """open, used or cancelled."""
    return "used" if row.used_at is not None else "open" if row.cancelled_at is None else "cancelled"


def check_restorable(row: Row[Any], actor: Actor, *, points: int, left: int, reason: str | None) -> None:
    """A voucher that nobody used is given back whole. One that was used was honoured: to give its points back as well is an
    admin's decision, with a reason.

    Raises VoucherUsed, InvalidInput.
    """
    if state_of(row) == "used":
        if not actor.is_admin:
            raise VoucherUsed("the voucher was used; only an admin may give its points back", used_at=row.used_at)
        if reason is None:
            raise checks.wrong("/reason", "is needed: the voucher was used before its points are given back")
    elif points != left:
        raise checks.wrong("/points", "a voucher is given back whole")


def cancel_if_open(tx: Transaction, operation_id: str) -> None:
    """Stages that the redemption's voucher, if it has one that nobody used, buys nothing any more."""
    row = voucher_row(tx, vouchers.c.operation_id == operation_id)
    if row is not None and state_of(row) == "open":
        tx.staged.cancelled_vouchers.append(row.id)
