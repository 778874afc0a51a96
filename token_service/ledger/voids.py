"""Undoing what the chain finally refused (DESIGN §3.7): accept checks all that the contract checks, so this is an
accident.

The void entry takes the skipped one back, neither is ever settled; what the balance cannot cover is owed; the member
is frozen until a person has looked.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from token_service.ledger import stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.awards import operation_named, owe, pay_debts, void_fact
from token_service.ledger.context import Context
from token_service.ledger.freezing import freeze_account
from token_service.ledger.own_wallets import OURS
from token_service.ledger.posting import change_lots
from token_service.ledger.stock import put_piece_back
from token_service.ledger.transaction import Transaction
from token_service.ledger.voucher_rows import cancel_if_open
from token_service.program import lots as engine
from token_service.program.expiry import restored_until
from token_service.units import EntryKind

_log: Final = logging.getLogger(__name__)


def void_skipped(connection: Connection, context: Context, leaf_id: str, reason: int) -> None:
    """Undoes the entry of a finally skipped leaf, inside the indexer's transaction. A fact, or an entry voided
    before, is left.
    """
    tx = Transaction(context, connection)
    entries = tables.entries.c
    entry = connection.execute(select(tables.entries).where(entries.id == leaf_id)).one_or_none()
    if entry is None or connection.execute(select(entries.id).where(entries.voids == leaf_id).limit(1)).first():
        return
    account = tx.account(entry.member_id)
    if entry.points > 0:
        _void_credit(tx, account, entry, reason)
    else:
        _void_debit(tx, account, entry, reason)
        pay_debts(tx, account)
        cancel_if_open(tx, entry.operation_id)
        if entry.kind in (EntryKind.REDEMPTION, EntryKind.DONATION):
            put_piece_back(tx, operation_named(tx, entry.operation_id).facts.get("reward_id"))
    if not account.frozen and not _was_spent_first(account, entry):
        why = f"an entry was refused by the contract ({reason})"
        for one in {part.id: part for part in (account, tx.heir(account))}.values():
            if not one.frozen:
                freeze_account(tx, one, reason=why, actor="service", frozen=True)
    tx.flush()
    _log.critical("entry_voided entry=%s member=%s reason=%s", leaf_id, entry.member_id, reason)


def _was_spent_first(account: Account, entry: Row[Any]) -> bool:
    """True for points that expired here while their holder spent them there, with their own signature: no accident."""
    return account.state not in OURS and entry.kind == int(EntryKind.EXPIRY)


def _void_credit(tx: Transaction, account: Account, entry: Row[Any], reason: int) -> None:
    """Takes the points out of the entry's own lots first, then others; dates do not matter to what never was."""
    lots = [replace(lot, expires_at=None) for lot in stored_lots.open_lots(tx, account)]
    own = {use.lot_id for use in stored_lots.uses_of_entries(tx, [entry.id])}
    lots.sort(key=lambda lot: (lot.id not in own, *engine.consumption_order(lot)))
    uses, missing = [], int(entry.points)
    for lot in lots:
        part = min(missing, lot.left)
        if part:
            uses.append(engine.Use(lot.id, -part, account.lots[lot.id].lot.expires_at))
            missing -= part
    if uses:
        _void(tx, account, entry, uses)
    if missing:
        owe(tx, account, points=missing, party=entry.party, voids=entry.id)
    void_fact(tx, account, entry.id, uses, reason=reason, debt=missing)


def _void_debit(tx: Transaction, account: Account, entry: Row[Any], reason: int) -> None:
    """Brings the points back to the lots they came from."""
    taken = stored_lots.uses_of_entries(tx, [entry.id])
    lots = {lot.id: lot for lot in stored_lots.lots_named(tx, account, {use.lot_id for use in taken})}
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    uses = [
        engine.Use(use.lot_id, -use.points, restored_until(ruleset, lots[use.lot_id].expires_at, tx.now))
        for use in taken
    ]
    _void(tx, account, entry, uses)
    void_fact(tx, account, entry.id, uses, reason=reason, debt=0)


def _void(tx: Transaction, account: Account, entry: Row[Any], uses: list[engine.Use]) -> None:
    change_lots(
        tx,
        account,
        None,
        kind=EntryKind(entry.kind),
        uses=uses,
        party=entry.party,
        more={"voids": entry.id},
        ruleset_hash=entry.ruleset_hash,
        voids=entry.id,
    )
