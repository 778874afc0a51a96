"""Vouchers' rows as other use cases meet them: their codes, what giving a redemption back does, and how they follow from the
sources.

A voucher is open until a merchant honours it (used), its redemption is given back (cancelled), or its time is over where the
rules give it one (expired; voucher_ends.py). The merchant that used it may undo that (voucher_undoing.py): it is open again.
Whoever changes one holds the lock on its member's account.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, or_, select

from token_service.errors import MemberLeaving, VoucherExpired, VoucherUsed
from token_service.ledger import checks, shown_codes, tables
from token_service.ledger.context import Actor
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.ledger.undone_uses import NO_USE
from token_service.program.rewards import find_reward
from token_service.program.voucher_ends import voucher_ends_at

CODE_LENGTH: Final = 12
"""60 bits: with a million open vouchers, a guesser with 2,000 tries a second finds one in ten years."""
EXPIRED: Final = "voucher_expired"
"""The fact that a voucher ended which nobody had used."""
IS_OPEN: Final = and_(vouchers.c.used_at.is_(None), vouchers.c.cancelled_at.is_(None), vouchers.c.expired_at.is_(None))
"""Whether nothing became of a voucher yet; its time may be over all the same."""
_CODE: Final = b"mereau voucher v1:"


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


def state_of(row: Row[Any], at: datetime) -> str:
    """open, used, cancelled or expired at an instant: also where its end is not recorded yet."""
    if row.used_at is not None:
        return "used"
    if row.cancelled_at is not None:
        return "cancelled"
    return "expired" if row.expires_at is not None and row.expires_at <= at else "open"


def is_over(at: datetime) -> ColumnElement[bool]:
    """Whether a voucher buys nothing any more at an instant."""
    return or_(~IS_OPEN, and_(vouchers.c.expires_at.is_not(None), vouchers.c.expires_at <= at))


def check_restorable(row: Row[Any], actor: Actor, *, at: datetime, points: int, left: int, reason: str | None) -> None:
    """A voucher that nobody used is given back whole. One that was used was honoured, and one whose time is over cost what the
    rules say: to give its points back as well is an admin's decision, with a reason.

    Raises VoucherUsed, VoucherExpired, InvalidInput.
    """
    state = state_of(row, at)
    if state in ("used", "expired"):
        if not actor.is_admin:
            if state == "used":
                raise VoucherUsed("the voucher was used; only an admin may give its points back", used_at=row.used_at)
            raise expired(row)
        if reason is None:
            raise checks.wrong("/reason", f"is needed: the voucher was {state} before its points are given back")
    elif points != left:
        raise checks.wrong("/points", "a voucher is given back whole")


def cancel_if_open(tx: Transaction, operation_id: str) -> None:
    """Stages that the redemption's voucher, if it has one that nobody used, buys nothing any more."""
    row = voucher_row(tx, vouchers.c.operation_id == operation_id)
    if row is not None and (row.used_at, row.cancelled_at, row.expired_at) == (None, None, None):
        tx.staged.cancelled_vouchers.append(row.id)


def expired(row: Row[Any]) -> VoucherExpired:
    """The refusal of one whose time is over."""
    return VoucherExpired("the voucher's time is over", expired_at=row.expires_at)


def ends_at(tx: Transaction, ruleset_hash: str, reward_id: str, created_at: datetime) -> datetime | None:
    """When a voucher ends that was bought or won then under these rules."""
    ruleset = tx.ruleset(ruleset_hash)
    return voucher_ends_at(ruleset, find_reward(ruleset, reward_id), created_at)


def replayed_vouchers(
    tx: Transaction,
    member_id: str,
    done: Sequence[Operation],
    entries: Iterable[Row[Any]],
    uses: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The member's rows by id, from operations, entries and facts alone; after erasure a code's hash is what it was. `uses`:
    those that stand, by voucher.
    """
    sealed = sealed_salt_key(tx, member_id)
    ends, expired_at = _ends(done, entries), _expired(tx, member_id)
    drawn = _drawn_for(tx, [operation.id for operation in done if _voucher_of(operation) is not None])
    rows = {}
    for operation in done:
        voucher_id = _voucher_of(operation)
        if voucher_id is None or drawn[operation.id] != member_id:
            continue
        known = None if sealed is not None else voucher_row(tx, vouchers.c.id == voucher_id)
        use = uses.get(voucher_id, NO_USE)
        reward_id = operation.result["reward"] if operation.kind == "event" else operation.facts["reward_id"]
        is_over = use["used_at"] is not None or voucher_id in expired_at
        rows[voucher_id] = {
            "id": voucher_id,
            "operation_id": operation.id,
            "member_id": member_id,
            "reward_id": reward_id,
            "code_hash": (known.code_hash if known is not None else "")
            if sealed is None
            else shown_codes.code_hash(voucher_code(tx, sealed, voucher_id)),
            "created_at": operation.recorded_at,
            **use,
            "cancelled_at": None if is_over else ends.get(operation.id),
            "expires_at": ends_at(tx, operation.ruleset_hash, reward_id, operation.recorded_at),
            "expired_at": expired_at.get(voucher_id),
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


def _expired(tx: Transaction, member_id: str) -> dict[str, datetime]:
    """By voucher, when its end was recorded."""
    columns = tables.facts.c
    query = select(columns.detail, columns.recorded_at)
    found = tx.connection.execute(query.where(columns.member_id == member_id, columns.kind == EXPIRED))
    return {str(json.loads(fact.detail)["voucher"]): fact.recorded_at for fact in found}


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
