"""Which uses of vouchers were undone, and how uses and undoing follow from the sources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select, update

from token_service.ledger import direct, tables
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import UndoneUse
from token_service.ledger.transaction import Transaction
from token_service.ledger.voucher_use_tables import undone_voucher_uses

USED: Final = "voucher_used"
UNDONE: Final = "voucher_reversal"
"""What undoing a use is called: as an operation, as a fact and in receipts."""
USE: Final = ("used_at", "used_by_merchant_id", "used_reference", "discount_cents")
"""A voucher's columns that say of its use."""
NO_USE: Final = dict.fromkeys(USE)
_undone = undone_voucher_uses.c


def undone_of(tx: Transaction, voucher_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """By voucher, the uses that were undone, in the order of undoing, with the merchant's name and the undoing's reference."""
    done, merchants = tables.operations.c, tables.merchants.c
    query: Select[Any] = (
        select(*_undone, done.reference.label("undone_reference"), merchants.name.label("used_by"))
        .join(tables.operations, done.id == _undone.operation_id)
        .join(tables.merchants, merchants.id == _undone.merchant_id)
        .where(_undone.voucher_id.in_(voucher_ids))
        .order_by(done.seq)
    )
    found: dict[str, list[Row[Any]]] = {voucher_id: [] for voucher_id in voucher_ids}
    for row in tx.connection.execute(query).all():
        found[row.voucher_id].append(row)
    return found


def undone_named(tx: Transaction, merchant_id: str, reference: str) -> Row[Any] | None:
    """The undone use that the merchant gave this name, or None."""
    query = select(undone_voucher_uses).where(_undone.merchant_id == merchant_id, _undone.reference == reference)
    return tx.connection.execute(query).one_or_none()


def write_undone_uses(tx: Transaction) -> None:
    """Writes what this transaction undid: those vouchers are open again."""
    staged = tx.staged.undone_uses
    direct.append(tx.connection, undone_voucher_uses, [_values(row) for row in staged])
    if staged:
        where = vouchers.c.id.in_([row.voucher_id for row in staged])
        tx.connection.execute(update(vouchers).where(where).values(**NO_USE))


def replayed_voucher_uses(
    tx: Transaction, member_id: str
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """From the account's facts alone: by voucher, the use that stands; by what undid it, each one that does not."""
    columns = tables.facts.c
    query = select(columns.kind, columns.operation_id, columns.detail, columns.recorded_at).order_by(columns.seq)
    standing: dict[str, dict[str, Any]] = {}
    undone: dict[str, dict[str, Any]] = {}
    for fact in tx.connection.execute(query.where(columns.member_id == member_id, columns.kind.in_((USED, UNDONE)))):
        said = json.loads(fact.detail)
        voucher_id = str(said["voucher"])
        if fact.kind == USED:
            use = (fact.recorded_at, said["merchant"], said["reference"], said.get("discount"))
            standing[voucher_id] = dict(zip(USE, use, strict=True))
        elif voucher_id in standing:
            at, merchant_id, reference, discount = (standing[voucher_id][name] for name in USE)
            row = UndoneUse(
                fact.operation_id, voucher_id, member_id, at, merchant_id, reference, discount, fact.recorded_at
            )
            undone[row.operation_id] = _values(row)
            del standing[voucher_id]
    return standing, undone


def _values(row: UndoneUse) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
