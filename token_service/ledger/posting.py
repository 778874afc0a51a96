"""Posting: the only place where a member's points change. Each entry comes with its lots, its leaf and the new figures.

Signs, lots and cached figures follow from the kind of entry. What must hold after each entry (DESIGN §3.2) is
asserted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from token_service.errors import InvariantBroken
from token_service.ledger import ceilings, details, stored_lots
from token_service.ledger.accounts import Account, StoredLot
from token_service.ledger.own_wallets import may_expire
from token_service.ledger.staged import Entry, Fact, Leaf, Operation
from token_service.ledger.transaction import Transaction
from token_service.program import lots as engine
from token_service.program.lots import Lot, Use
from token_service.units import KIND_WORDS, EntryKind

FIGURE_OF_KIND: Final[Mapping[EntryKind, tuple[str, int]]] = {
    EntryKind.ISSUANCE: ("issued", 1),
    EntryKind.ADJUSTMENT_UP: ("issued", 1),
    EntryKind.REDEMPTION: ("redeemed", -1),
    EntryKind.RESTORATION: ("redeemed", -1),
    EntryKind.DONATION: ("redeemed", -1),
    EntryKind.EXPIRY: ("expired", -1),
    EntryKind.REVERSAL: ("reversed", -1),
    EntryKind.ADJUSTMENT_DOWN: ("reversed", -1),
    EntryKind.MOVE_OUT: ("issued", 1),  # who has the points now has them as issued
    EntryKind.MOVE_IN: ("issued", 1),
}
"""Which lifetime figure an entry of a kind changes, by its signed points times this sign."""


def credit(
    tx: Transaction,
    account: Account,
    operation: Operation,
    *,
    kind: EntryKind,
    points: int,
    party: int,
    expires_at: datetime | None,
    more: Mapping[str, Any],
    keeps_date: bool = False,
) -> Entry:
    """An issuance or an adjustment up: a new lot. Counts against the party's ceiling. Raises CeilingReached,
    AfterSunset.
    """
    ceilings.charge(tx, party, points)
    until = None if expires_at is None else details.instant(expires_at)
    more = {"points": points, "expires_at": until} | _kept_date(keeps_date) | dict(more)
    entry = _entry(tx, account, operation, kind=kind, points=points, party=party, more=more)
    lot = Lot(
        id=entry.id,
        operation_id=operation.id,
        points=points,
        left=points,
        issued_at=operation.occurred_at,
        expires_at=expires_at,
        keeps_date=keeps_date,
    )
    stored_lots.add_lot(tx, account, lot, party=party, ruleset_hash=operation.ruleset_hash)
    return entry


def move_in(
    tx: Transaction, account: Account, operation: Operation, origin: StoredLot, more: Mapping[str, Any]
) -> Entry:
    """What is left of another account's lot comes to this one: its date, issuer, rules and purchase stay what they are."""
    lot = origin.free
    said = {
        "id": lot.id,
        "operation": lot.operation_id,
        "party": origin.party,
        "ruleset": origin.ruleset_hash,
        "issued_at": details.instant(lot.issued_at),
    } | _kept_date(lot.keeps_date)
    until = None if lot.expires_at is None else details.instant(lot.expires_at)
    more = {"points": lot.left, "expires_at": until, "lot": said, **more}
    entry = _entry(tx, account, operation, kind=EntryKind.MOVE_IN, points=lot.left, party=0, more=more)
    moved = replace(lot, id=entry.id, points=lot.left)
    stored_lots.add_lot(tx, account, moved, party=origin.party, ruleset_hash=origin.ruleset_hash)
    return entry


def _kept_date(keeps_date: bool) -> dict[str, Any]:
    """How a detail says that no activity moves a lot's date; of others it says nothing, as ever."""
    return {"keeps_date": True} if keeps_date else {}


def change_lots(
    tx: Transaction,
    account: Account,
    operation: Operation | None,
    *,
    kind: EntryKind,
    uses: Sequence[Use],
    party: int,
    more: Mapping[str, Any],
    ruleset_hash: str | None = None,
    voids: str | None = None,
    is_on_chain: bool = False,
) -> Entry:
    """A debit (its uses are negative) or a restoration (positive): an entry of the sum of what it does to lots. One that is on
    the chain already has no leaf.
    """
    points = sum(use.points for use in uses)
    more = {"points": points, "lots": details.lots_of(uses), **more}
    entry = _entry(
        tx,
        account,
        operation,
        kind=kind,
        points=points,
        party=party,
        more=more,
        ruleset_hash=ruleset_hash,
        voids=voids,
        has_leaf=voids is None and not is_on_chain,
    )
    stored_lots.use_lots(tx, account, uses, entry_id=entry.id)
    return entry


def sweep_expired(tx: Transaction, account: Account) -> list[Entry]:
    """Expiry entries for every lot whose date has come, one for each issuer. Comes before every debit. None while the points are
    in the member's own wallet, or on the way there, before the date that was signed.
    """
    if not may_expire(tx, account):
        return []
    lots = stored_lots.open_lots(tx, account)
    due = engine.expire(lots, stored_lots.consumption_time(tx))
    by_party: dict[int, list[Use]] = {}
    for use in due:
        by_party.setdefault(stored_lots.party_of(account, use.lot_id), []).append(use)
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    return [
        change_lots(
            tx, account, None, kind=EntryKind.EXPIRY, uses=uses, party=party, more={}, ruleset_hash=ruleset_hash
        )
        for party, uses in sorted(by_party.items())
    ]


def fact(
    tx: Transaction,
    account: Account,
    kind: str,
    *,
    operation: Operation | None,
    more: Mapping[str, Any],
    points: int = 0,
    due_at: datetime | None = None,
    ruleset_hash: str | None = None,
) -> Fact:
    """Something that moves no points, with its leaf of kind 0. `points` is the change of what is pending."""
    occurred_at = tx.now if operation is None else operation.occurred_at
    id_ = tx.new_id("fct")
    account.leaf_count += 1
    row = Fact(
        id=id_,
        member_id=account.id,
        kind=kind,
        operation_id=None if operation is None else operation.id,
        due_at=due_at,
        points=points,
        occurred_at=occurred_at,
        recorded_at=tx.now,
        detail=details.detail(
            kind,
            leaf_id=id_,
            number=account.leaf_count,
            joined_at=account.created_at,
            operation=operation,
            ruleset_hash=_ruleset_hash(tx, operation, ruleset_hash),
            occurred_at=occurred_at,
            recorded_at=tx.now,
            more=more,
        ),
    )
    tx.staged.facts.append(row)
    tx.staged.leaves.append(Leaf(row.id, account.id, EntryKind.FACT, 0, 0, row.detail, row.operation_id))
    account.pending += points
    account.is_changed = True
    return row


def _entry(
    tx: Transaction,
    account: Account,
    operation: Operation | None,
    *,
    kind: EntryKind,
    points: int,
    party: int,
    more: Mapping[str, Any],
    ruleset_hash: str | None = None,
    voids: str | None = None,
    has_leaf: bool = True,
) -> Entry:
    """Stages an entry and its leaf, and changes the member's figures."""
    if points == 0 or (points > 0) != (kind.sign > 0) ^ (voids is not None):
        raise InvariantBroken("an entry's points have the wrong sign", kind=int(kind))
    count_points(account, kind, points)
    occurred_at = tx.now if operation is None else operation.occurred_at
    hash_ = _ruleset_hash(tx, operation, ruleset_hash)
    id_ = tx.new_id("ent")
    account.leaf_count += has_leaf
    entry = Entry(
        id=id_,
        member_id=account.id,
        kind=kind,
        points=points,
        party=party,
        operation_id=None if operation is None else operation.id,
        voids=voids,
        ruleset_hash=hash_,
        occurred_at=occurred_at,
        recorded_at=tx.now,
        balance_after=account.balance,
        detail=details.detail(
            "void" if voids else KIND_WORDS[kind],
            leaf_id=id_,
            number=account.leaf_count,
            joined_at=account.created_at,
            operation=operation,
            ruleset_hash=hash_,
            occurred_at=occurred_at,
            recorded_at=tx.now,
            more=more,
        ),
    )
    tx.staged.entries.append(entry)
    if has_leaf:
        leaf = Leaf(entry.id, account.id, kind, party, abs(points), entry.detail, entry.operation_id)
        tx.staged.leaves.append(leaf)
    return entry


def count_points(account: Account, kind: EntryKind, points: int) -> None:
    """Changes the member's figures by an entry of this kind. Raises InvariantBroken below nothing."""
    account.available += points
    account.is_changed = True
    figure, sign = FIGURE_OF_KIND[kind]
    setattr(account, figure, getattr(account, figure) + sign * points)
    if account.available < 0:
        raise InvariantBroken("a balance would fall below nothing")


def _ruleset_hash(tx: Transaction, operation: Operation | None, ruleset_hash: str | None) -> str:
    if ruleset_hash is not None:
        return ruleset_hash
    return tx.ruleset_hash_at(tx.now) if operation is None else operation.ruleset_hash
