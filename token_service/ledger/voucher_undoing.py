"""The merchant that used a voucher by mistake, or for an order that came to nothing, undoes that: the voucher buys its reward
again, once (docs/api.md "Undo the use of a voucher").

It moves no points, so it is a fact with its leaf, like the use. The voucher's own end is the limit: one whose time is over would
buy nothing any more, so its use stands. So does one whose points came back meanwhile.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from token_service.errors import (
    AlreadyReversed,
    MemberLeaving,
    NotFound,
    VoucherCancelled,
    VoucherExpired,
    VoucherNotUsed,
)
from token_service.ledger import checks, details, operations, tables, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewVoucherReversal
from token_service.ledger.operations import Done
from token_service.ledger.posting import fact
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Operation, UndoneUse
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.undone_uses import UNDONE, undone_of
from token_service.ledger.voucher_rows import voucher_row


def undo_use(context: Context, actor: Actor, voucher_id: str, new: NewVoucherReversal) -> views.VoucherReversalOutcome:
    """What was undone; the first time again when the merchant's reference is known with the same content.

    Raises NotFound (merchant, use, voucher, also one that another merchant used), VoucherNotUsed, AlreadyReversed,
    VoucherExpired, VoucherCancelled, ReferenceConflict, MemberLeaving (erased), InvalidInput, BacklogFull.
    """

    def work(tx: Transaction) -> views.VoucherReversalOutcome:
        merchant_id = actor.acting_merchant(new.merchant_id)
        done = _undo(tx, merchant_id, voucher_id, new)
        return views.VoucherReversalOutcome(_view(tx, done.operation), replayed=done.replayed)

    return write(context, work)


def _undo(tx: Transaction, merchant_id: str, voucher_id: str, new: NewVoucherReversal) -> Done:
    party = tx.merchant(merchant_id).party
    checks.reference(new.reference)
    if new.use_reference is not None:
        checks.text("/use_reference", new.use_reference)
    if new.reason is not None:
        checks.text("/reason", new.reason)
    account = tx.account(_row(tx, voucher_id).member_id)
    row = _row(tx, voucher_id)  # again, now that nobody else can change it
    content = operations.content_hash(asdict(new) | {"merchant_id": merchant_id, "voucher": voucher_id})
    named: dict[str, Any] = {"merchant_id": merchant_id, "kind": UNDONE, "reference": new.reference}
    first = operations.known(tx, **named, content=content)
    if first is not None:
        return Done(first, replayed=True)
    _check_use(tx, row, merchant_id, new.use_reference)
    _check_undoable(tx, row)
    if account.sealed_salt_key is None:
        raise MemberLeaving("the member's data were erased", state=account.state)
    said = {"use": row.used_reference, "used_at": details.instant(row.used_at)}
    said |= {} if row.discount_cents is None else {"discount": row.discount_cents}
    facts = {"voucher": row.id, "reward": row.reward_id, **said, "reason": new.reason}
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("rev"),
            **named,
            member_id=tx.heir(account).id,
            parent_id=row.operation_id,
            content_hash=content,
            ruleset_hash=tx.ruleset_hash_at(tx.now),
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts=facts,
            result={},
        ),
    )
    fact(tx, account, UNDONE, operation=operation, more={"party": party, **facts})
    use = (row.used_at, row.used_by_merchant_id, row.used_reference, row.discount_cents)
    tx.staged.undone_uses.append(UndoneUse(operation.id, row.id, account.id, *use, tx.now))
    return Done(operation, replayed=False)


def _row(tx: Transaction, voucher_id: str) -> Row[Any]:
    row = voucher_row(tx, vouchers.c.id == voucher_id)
    if row is None:
        raise NotFound("no such voucher")
    return row


def _check_use(tx: Transaction, row: Row[Any], merchant_id: str, use_reference: str | None) -> None:
    """Raises unless the use that is meant stands, and is this merchant's."""
    is_own = row.used_by_merchant_id == merchant_id
    if is_own and use_reference in (None, row.used_reference):
        return
    earlier = [one for one in undone_of(tx, [row.id])[row.id] if one.merchant_id == merchant_id]
    meant = [one for one in earlier if use_reference in (None, one.reference)]
    if meant:
        raise AlreadyReversed("this use was undone before", existing_id=meant[-1].operation_id)
    if use_reference is None and row.used_at is None:
        raise VoucherNotUsed("the voucher was not used: there is nothing to undo")
    raise NotFound("no such use of this voucher" if is_own or earlier else "no such voucher")


def _check_undoable(tx: Transaction, row: Row[Any]) -> None:
    """Raises when undoing would make the voucher worth what it is not worth any more."""
    back_at = _back_at(tx, row.operation_id)
    if back_at is not None:
        raise VoucherCancelled("what the voucher was bought or won with came back after its use", cancelled_at=back_at)
    if row.expires_at is not None and row.expires_at <= tx.now:
        detail = "the voucher's time is over: its use cannot be undone, an admin may give its points back"
        raise VoucherExpired(detail, expired_at=row.expires_at)


def _back_at(tx: Transaction, operation_id: str) -> datetime | None:
    """When the points of a redemption, or what a challenge was completed with, first came back, in part or whole; None: never."""
    done, entries = tables.operations.c, tables.entries.c
    backs = select(func.min(done.recorded_at)).where(
        done.parent_id == operation_id, done.kind.in_(("restoration", "reversal"))
    )
    own = select(entries.id).where(entries.operation_id == operation_id)
    voids = select(func.min(entries.recorded_at)).where(entries.voids.in_(own))
    found = [tx.connection.execute(query).scalar_one() for query in (backs, voids)]
    return min((one for one in found if one is not None), default=None)


def _view(tx: Transaction, operation: Operation) -> views.VoucherReversal:
    facts = operation.facts
    off = facts.get("discount")
    return views.VoucherReversal(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        voucher_id=facts["voucher"],
        reward_id=facts["reward"],
        use_reference=facts["use"],
        used_at=datetime.fromisoformat(facts["used_at"]),
        discount=None if off is None else views.Money(off, tx.program.currency),
        reason=facts["reason"],
        ruleset=operation.ruleset_hash,
    )
