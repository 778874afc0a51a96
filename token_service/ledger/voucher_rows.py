"""Vouchers' rows as other use cases meet them: their codes, what giving a redemption back does, and how they follow from the
sources.

A voucher is open until a merchant honours it (used) or its redemption is given back (cancelled). Whoever changes one holds the
lock on its member's account.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, select

from token_service.errors import MemberLeaving, VoucherUsed
from token_service.ledger import checks, shown_codes, tables
from token_service.ledger.context import Actor
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction

CODE_LENGTH: Final = 12
"""60 bits: with a million open vouchers, a guesser with 2,000 tries a second finds one in ten years."""
_CODE: Final = b"mereau voucher v1:"
_USE: Final = ("used_at", "used_by_merchant_id", "used_reference", "discount_cents")


def sealed_salt_key(tx: Transaction, member_id: str) -> bytes | None:
    """The member's salt key as it is stored; None once it is erased."""
    query = select(tables.members.c.sealed_salt_key).where(tables.members.c.id == member_id)
    found: bytes | None = tx.connection.execute(query).scalar_one()
    return found


def voucher_code(tx: Transaction, sealed: bytes, voucher_id: str) -> str:
    """The code, without hyphens: the same for the same member and voucher, for ever."""
    bits = hmac.digest(tx.context.salts.open(sealed), _CODE + voucher_id.encode(), "sha256")
    return shown_codes.written(bits, CODE_LENGTH)


def drawn_voucher(tx: Transaction, member_id: str) -> tuple[str, str]:
    """The id of a new voucher, and the hash of its code, which no other voucher has. Raises MemberLeaving after erasure."""
    sealed = sealed_salt_key(tx, member_id)
    if sealed is None:
        raise MemberLeaving("the member's data were erased")
    while True:
        voucher_id = tx.new_id("vch")
        hashed = shown_codes.code_hash(voucher_code(tx, sealed, voucher_id))
        if voucher_row(tx, vouchers.c.code_hash == hashed) is None:
            return voucher_id, hashed


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


def replayed_vouchers(
    tx: Transaction, member_id: str, done: Sequence[Operation], entries: Iterable[Row[Any]]
) -> dict[str, dict[str, Any]]:
    """The member's rows by id, from operations, entries and facts alone; after erasure a code's hash is what it was."""
    sealed = sealed_salt_key(tx, member_id)
    uses, ends = _uses(tx, member_id), _ends(done, entries)
    drawn = _drawn_for(tx, [operation.id for operation in done if _voucher_of(operation) is not None])
    rows = {}
    for operation in done:
        voucher_id = _voucher_of(operation)
        if voucher_id is None or drawn[operation.id] != member_id:
            continue
        known = None if sealed is not None else voucher_row(tx, vouchers.c.id == voucher_id)
        use = uses.get(voucher_id, dict.fromkeys(_USE))
        rows[voucher_id] = {
            "id": voucher_id,
            "operation_id": operation.id,
            "member_id": member_id,
            "reward_id": operation.result["reward"] if operation.kind == "event" else operation.facts["reward_id"],
            "code_hash": (known.code_hash if known is not None else "")
            if sealed is None
            else shown_codes.code_hash(voucher_code(tx, sealed, voucher_id)),
            "created_at": operation.recorded_at,
            **use,
            "cancelled_at": None if use["used_at"] is not None else ends.get(operation.id),
        }
    return rows


def _drawn_for(tx: Transaction, operation_ids: list[str]) -> dict[str, str]:
    """Whose account had these operations' leaves: whose key draws the codes, also after accounts became one."""
    found: dict[str, str] = {}
    for table in (tables.entries, tables.facts):
        query = select(table.c.operation_id, table.c.member_id).where(table.c.operation_id.in_(operation_ids))
        found |= {row.operation_id: row.member_id for row in tx.connection.execute(query)}
    return found


def _voucher_of(operation: Operation) -> str | None:
    """The voucher that a redemption or a completed challenge made."""
    said = {"redemption": operation.facts, "event": operation.result}.get(operation.kind, {})
    return said.get("voucher")


def _uses(tx: Transaction, member_id: str) -> dict[str, dict[str, Any]]:
    """By voucher, who honoured it and when."""
    columns = tables.facts.c
    query = select(columns.detail, columns.recorded_at)
    found = {}
    for fact in tx.connection.execute(query.where(columns.member_id == member_id, columns.kind == "voucher_used")):
        said = json.loads(fact.detail)
        found[str(said["voucher"])] = {
            "used_at": fact.recorded_at,
            "used_by_merchant_id": said["merchant"],
            "used_reference": said["reference"],
            "discount_cents": said.get("discount"),
        }
    return found


def _ends(done: Iterable[Operation], entries: Iterable[Row[Any]]) -> dict[str, datetime]:
    """By redemption, when its points first came back: given back by somebody, or because the contract refused it; by completed
    challenge, when it was taken back.
    """
    operation_of, backs = {}, []
    for entry in entries:
        operation_of[entry.id] = entry.operation_id
        if entry.voids is not None:
            backs.append((operation_of[entry.voids], entry.recorded_at))
    backs += [(one.parent_id, one.recorded_at) for one in done if one.kind in ("restoration", "reversal")]
    return dict(sorted(backs, key=lambda back: back[1], reverse=True))  # of several, the first comes last and stays
