"""The entry or fact of an opened leaf with all that follows from it: its operation, lots, debts, a void, a freeze.

Rows are staged as the use cases stage them, with the ids, times and details that they had; cached figures are rebuilt afterwards.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import func, select

from token_service.ledger import details, stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.awards import operation_named, owe
from token_service.ledger.hold_rows import forget_holds
from token_service.ledger.repairing.gap import OpenedLeaf
from token_service.ledger.repairing.operations_again import operation_again
from token_service.ledger.repairing.staging import (
    instant_of,
    stage_entry,
    stage_lot,
    stage_moved_lot,
    use_again,
    uses_of,
)
from token_service.ledger.repairing.wallets_again import moved_again, redeemed_again
from token_service.ledger.staged import Fact, Operation
from token_service.ledger.tiers import tell_change
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind

NEW_LOT: Final = (EntryKind.ISSUANCE, EntryKind.ADJUSTMENT_UP)


def post_again(tx: Transaction, leaf: OpenedLeaf) -> None:
    """Stages all of it."""
    account = tx.account(leaf.member_id)
    forget_holds(tx, account)
    operation, is_new = _operation(tx, leaf)
    if leaf.place.kind == EntryKind.FACT:
        _fact(tx, account, leaf, operation)
    else:
        _entry(tx, account, leaf, operation)
    _debt(tx, account, leaf, operation)
    if operation is not None and is_new and operation.kind in ("purchase", "redemption"):
        stored_lots.extend_lots(tx, account, activity_at=operation.occurred_at, operation_id=operation.id)


def _operation(tx: Transaction, leaf: OpenedLeaf) -> tuple[Operation | None, bool]:
    """The leaf's operation, and whether it is staged just now."""
    operation_id = leaf.document.get("operation_id")
    if operation_id is None:
        return None, False
    stored = select(tables.operations.c.id).where(tables.operations.c.id == operation_id)
    is_staged = any(staged.id == operation_id for staged in tx.staged.operations)
    if is_staged or tx.connection.execute(stored).first() is not None:
        return operation_named(tx, operation_id), False
    operation = operation_again(tx, leaf)
    tx.staged.operations.append(operation)
    return operation, True


def _entry(tx: Transaction, account: Account, leaf: OpenedLeaf, operation: Operation | None) -> None:
    kind = EntryKind(leaf.place.kind)
    entry = stage_entry(
        tx,
        account,
        entry_id=leaf.id,
        kind=kind,
        points=kind.sign * leaf.place.amount,
        party=leaf.place.party,
        operation_id=None if operation is None else operation.id,
        ruleset_hash=leaf.document["ruleset"],
        occurred_at=leaf.occurred_at,
        recorded_at=leaf.recorded_at,
        detail=leaf.text,
    )
    account.leaf_count += 1
    if kind is EntryKind.MOVE_IN:
        stage_moved_lot(tx, account, entry, leaf.document)
    elif kind in NEW_LOT:
        until, keeps_date = instant_of(leaf.document["expires_at"]), leaf.document.get("keeps_date") is True
        stage_lot(tx, account, entry, expires_at=until, keeps_date=keeps_date)
    else:
        use_again(tx, account, entry, uses_of(leaf.document))


def _fact(tx: Transaction, account: Account, leaf: OpenedLeaf, operation: Operation | None) -> None:
    document = leaf.document
    fact = Fact(
        id=leaf.id,
        member_id=account.id,
        kind=leaf.kind,
        operation_id=None if operation is None else operation.id,
        due_at=instant_of(document["due_at"]) if leaf.kind in ("award_pending", "delivery") else None,
        points=_pending(leaf),
        occurred_at=leaf.occurred_at,
        recorded_at=leaf.recorded_at,
        detail=leaf.text,
    )
    tx.staged.facts.append(fact)
    if leaf.kind == "void":
        _void(tx, account, leaf)
    elif leaf.kind in ("frozen", "unfrozen"):
        account.frozen = leaf.kind == "frozen"
    elif leaf.kind in ("left", "returned"):
        moved_again(tx, account, leaf)
    elif leaf.kind == "tier":  # with the key that it had: who sent it on then knows it
        rules = tx.ruleset(document["ruleset"])
        tell_change(tx, fact, rules, before=document["from"], after=document["to"])
    elif leaf.kind == "signed_redemption" and operation is not None:
        redeemed_again(tx, account, leaf, operation)
    account.leaf_count += 1
    account.is_changed = True


def _pending(leaf: OpenedLeaf) -> int:
    """By how much the fact changes what waits for a return window."""
    if leaf.kind in ("merged", "merged_in"):
        return int(leaf.document["pending"]) * (-1 if leaf.kind == "merged" else 1)
    return int(leaf.document["points"]) if leaf.kind in ("award_pending", "award_cut", "award_lapsed") else 0


def _void(tx: Transaction, account: Account, leaf: OpenedLeaf) -> None:
    """The entry that undid a skipped one: it has no leaf, so this fact tells of it."""
    document, voided = leaf.document, _voided(tx, leaf.document["voids"])
    if voided is None or not document["lots"]:
        return
    kind = EntryKind(voided.kind)
    pays = bool(document.get("pays_debt"))
    ruleset_hash = leaf.document["ruleset"] if pays else voided.ruleset_hash
    entry_id, more = tx.new_id("ent"), {"points": document["points"], "lots": document["lots"]}
    entry = stage_entry(
        tx,
        account,
        entry_id=entry_id,
        kind=kind,
        points=document["points"],
        party=voided.party,
        operation_id=None,
        ruleset_hash=ruleset_hash,
        occurred_at=leaf.recorded_at,
        recorded_at=leaf.recorded_at,
        voids=voided.id,
        detail=details.detail(
            "void",
            leaf_id=entry_id,
            number=account.leaf_count,
            joined_at=account.created_at,
            operation=None,
            ruleset_hash=ruleset_hash,
            occurred_at=leaf.recorded_at,
            recorded_at=leaf.recorded_at,
            more=more | ({"pays_debt": True} if pays else {"voids": voided.id}),
        ),
    )
    use_again(tx, account, entry, uses_of(document))


def _voided(tx: Transaction, entry_id: str) -> Any:
    """The entry that was skipped, staged or stored; None if nobody could open it."""
    for entry in tx.staged.entries:
        if entry.id == entry_id:
            return entry
    return tx.connection.execute(select(tables.entries).where(tables.entries.c.id == entry_id)).one_or_none()


def _debt(tx: Transaction, account: Account, leaf: OpenedLeaf, operation: Operation | None) -> None:
    """What could not be taken back is owed; what a later credit paid of that is not."""
    document = leaf.document
    if leaf.kind == "void":
        _debt_of_void(tx, account, leaf)
    elif document.get("pays_debt"):
        paid = min(leaf.place.amount, _owed(tx, operation_id=None if operation is None else operation.id))
        if operation is not None and paid:
            owe(
                tx,
                account,
                points=-paid,
                party=leaf.place.party,
                operation_id=operation.id,
                entry_id=leaf.id,
                recorded_at=leaf.recorded_at,
            )
    elif document.get("debt") and operation is not None:
        party = leaf.place.party or tx.merchant(operation.merchant_id).party
        owe(tx, account, points=document["debt"], party=party, operation_id=operation.id, recorded_at=leaf.recorded_at)


def _debt_of_void(tx: Transaction, account: Account, leaf: OpenedLeaf) -> None:
    document, voided = leaf.document, _voided(tx, leaf.document["voids"])
    if voided is None:
        return
    if not document.get("pays_debt"):
        if document["debt"]:
            owe(tx, account, points=document["debt"], party=voided.party, voids=voided.id, recorded_at=leaf.recorded_at)
        return
    void = next((entry for entry in reversed(tx.staged.entries) if entry.voids == voided.id), None)
    paid = min(-document["points"], _owed(tx, voids=voided.id))
    if void is not None and paid > 0:
        owe(
            tx,
            account,
            points=-paid,
            party=voided.party,
            voids=voided.id,
            entry_id=void.id,
            recorded_at=leaf.recorded_at,
        )


def _owed(tx: Transaction, *, operation_id: str | None = None, voids: str | None = None) -> int:
    """What is still owed of one cause."""
    columns = tables.debts.c
    cause = columns.voids == voids if operation_id is None else columns.operation_id == operation_id
    stored = tx.connection.execute(select(func.coalesce(func.sum(columns.points), 0)).where(cause)).scalar_one()
    staged = [debt for debt in tx.staged.debts if (debt.operation_id, debt.voids) == (operation_id, voids)]
    return int(stored) + sum(debt.points for debt in staged)
