"""When a member used which benefit, and how that follows from the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from token_service.ledger import direct
from token_service.ledger.accounts import Account
from token_service.ledger.benefit_tables import benefit_uses
from token_service.ledger.staged import BenefitUse, Operation
from token_service.ledger.transaction import Transaction

USE: Final = "benefit_use"
USE_REVERSAL: Final = "use_reversal"
"""What a use and its reversal are called: as operations, as facts and in receipts."""
_used = benefit_uses.c
_OF_MEMBER: Final = select(benefit_uses).where(_used.member_id == bindparam("member_id"))


def uses_of(tx: Transaction, account: Account) -> dict[str, BenefitUse]:
    """Every use of the member's, by its operation."""
    if account.benefit_uses is None:
        rows = direct.ask(tx.connection, _OF_MEMBER, {"member_id": account.id})
        account.benefit_uses = {row.operation_id: BenefitUse(*row) for row in rows}
    return account.benefit_uses


def standing_uses(tx: Transaction, account: Account) -> dict[str, list[datetime]]:
    """When each benefit was used, without what was taken back."""
    found: dict[str, list[datetime]] = {}
    for use in uses_of(tx, account).values():
        if use.reversed_at is None:
            found.setdefault(use.benefit, []).append(use.used_at)
    return found


def stage_use(tx: Transaction, account: Account, operation: Operation) -> None:
    """Stages the row of a use."""
    row = row_of(operation)
    uses_of(tx, account)[operation.id] = row
    tx.staged.benefit_uses.append(row)


def end_use(tx: Transaction, account: Account, operation_id: str) -> None:
    """Stages that the use was taken back now."""
    own = uses_of(tx, account)
    own[operation_id] = replace(own[operation_id], reversed_at=tx.now)
    tx.staged.reversed_uses.append(operation_id)


def write_benefit_uses(tx: Transaction) -> None:
    """Writes what this transaction used and took back."""
    direct.append(tx.connection, benefit_uses, [_values(row) for row in tx.staged.benefit_uses])
    if tx.staged.reversed_uses:
        where = _used.operation_id.in_(tx.staged.reversed_uses)
        tx.connection.execute(update(benefit_uses).where(where).values(reversed_at=tx.now))


def row_of(operation: Operation, reversed_at: datetime | None = None) -> BenefitUse:
    """The row of a use."""
    facts = operation.facts
    return BenefitUse(operation.id, operation.member_id, facts["benefit"], operation.occurred_at, reversed_at)


def replayed_benefit_uses(done: Sequence[Operation]) -> dict[str, dict[str, Any]]:
    """The member's rows from operations alone."""
    ends = {one.parent_id: one.recorded_at for one in done if one.kind == USE_REVERSAL}
    return {one.id: _values(row_of(one, ends.get(one.id))) for one in done if one.kind == USE}


def _values(row: BenefitUse) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
