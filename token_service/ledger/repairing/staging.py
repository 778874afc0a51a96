"""Entries and lots of a repair, staged as they were: what opened leaves and what stands in for closed ones share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from token_service.ledger import stored_lots
from token_service.ledger.accounts import Account
from token_service.ledger.merges import origin_said
from token_service.ledger.posting import count_points
from token_service.ledger.repairing.lots_again import fitted
from token_service.ledger.staged import Entry
from token_service.ledger.transaction import Transaction
from token_service.program.lots import Lot, Use
from token_service.units import EntryKind


def stage_entry(
    tx: Transaction,
    account: Account,
    *,
    entry_id: str,
    kind: EntryKind,
    points: int,
    party: int,
    operation_id: str | None,
    ruleset_hash: str,
    occurred_at: datetime,
    recorded_at: datetime,
    detail: str,
    voids: str | None = None,
) -> Entry:
    """Stages an entry as it was, and counts its points."""
    count_points(account, kind, points)
    entry = Entry(
        id=entry_id,
        member_id=account.id,
        kind=kind,
        points=points,
        party=party,
        operation_id=operation_id,
        voids=voids,
        ruleset_hash=ruleset_hash,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        balance_after=account.balance,
        detail=detail,
    )
    tx.staged.entries.append(entry)
    return entry


def stage_lot(
    tx: Transaction,
    account: Account,
    entry: Entry,
    *,
    expires_at: datetime | None,
    points: int = 0,
    keeps_date: bool = False,
) -> None:
    """The lot that a credit makes: all its points unless `points` says how many."""
    amount = points or entry.points
    lot = Lot(entry.id, entry.operation_id, amount, amount, entry.occurred_at, expires_at, keeps_date)
    stored_lots.add_lot(tx, account, lot, party=entry.party, ruleset_hash=entry.ruleset_hash)


def stage_moved_lot(tx: Transaction, account: Account, entry: Entry, document: Mapping[str, Any]) -> None:
    """The lot that came from another account, with its purchase, issuer and dates."""
    origin, until = origin_said(document["lot"]), instant_of(document["expires_at"])
    lot = Lot(entry.id, origin.operation_id, entry.points, entry.points, origin.issued_at, until, origin.keeps_date)
    stored_lots.add_lot(tx, account, lot, party=origin.party, ruleset_hash=origin.ruleset_hash)


def use_again(tx: Transaction, account: Account, entry: Entry, uses: Sequence[Use]) -> None:
    """What the entry does to lots, as far as they are what they were (lots_again.py)."""
    found = stored_lots.lots_found(tx, account, [use.lot_id for use in uses])
    found |= {lot.id: lot for lot in stored_lots.open_lots(tx, account)}
    fits, left_over = fitted(uses, found)
    stored_lots.use_lots(tx, account, fits, entry_id=entry.id)
    if left_over:
        stage_lot(tx, account, entry, expires_at=uses[-1].expires_at, points=left_over)


def uses_of(document: Mapping[str, Any]) -> list[Use]:
    """What a detail says of lots."""
    return [Use(use["lot"], use["points"], instant_of(use["expires_at"])) for use in document["lots"]]


def instant_of(text: str | None) -> datetime | None:
    """An instant of a detail."""
    return None if text is None else datetime.fromisoformat(text)
