"""A member's lots between the database and the pure engine of program.lots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, literal_column, select

from token_service.errors import InvariantBroken
from token_service.ledger import direct, tables
from token_service.ledger.accounts import Account, StoredLot
from token_service.ledger.among import among
from token_service.ledger.notices import look_by
from token_service.ledger.staged import LotUse
from token_service.ledger.transaction import Transaction
from token_service.program.expiry import extended
from token_service.program.lots import Lot, Use
from token_service.program.notices import expiry_told_at

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
IS_OPEN: Final = tables.lots.c.points_left > literal_column("0")
"""The condition of a lot with points left, word for word that of its index (SQLite compares the words)."""

IS_FREE: Final = tables.lots.c.points_left > tables.lots.c.points_held
"""The condition of a lot of which holds don't set everything aside."""

_OPEN_OF_MANY: Final = select(tables.lots).where(among(tables.lots.c.member_id, "member_ids"), IS_OPEN)


def open_lots(tx: Transaction, account: Account) -> list[Lot]:
    """The member's lots with points left, without what holds set aside."""
    if not account.lots_are_loaded:
        columns = tables.lots.c
        _load(tx, account, (columns.member_id == account.id) & (columns.points_left > 0))
        account.lots_are_loaded = True
    return [stored.free for stored in account.lots.values() if stored.lot.left > stored.held]


def read_open(tx: Transaction, accounts: Iterable[Account]) -> None:
    """`open_lots` of many members in one query, before anything is done to them."""
    unread = {account.id: account for account in accounts if not account.lots_are_loaded and not account.lots}
    for row in direct.ask(tx.connection, _OPEN_OF_MANY, {"member_ids": list(unread)}) if unread else ():
        unread[row.member_id].lots[row.entry_id] = stored_lot(row)
    for account in unread.values():
        account.lots_are_loaded = True


def lots_named(tx: Transaction, account: Account, lot_ids: Iterable[str]) -> list[Lot]:
    """These lots of the member, empty ones too."""
    missing = set(lot_ids) - account.lots.keys()
    if missing:
        _load(tx, account, tables.lots.c.entry_id.in_(missing))
    return [account.lots[lot_id].lot for lot_id in lot_ids]


def lots_found(tx: Transaction, account: Account, lot_ids: Iterable[str]) -> dict[str, Lot]:
    """Those of these lots that the member has, by id."""
    wanted = list(lot_ids)
    _load(tx, account, tables.lots.c.entry_id.in_(wanted) & (tables.lots.c.member_id == account.id))
    return {lot_id: account.lots[lot_id].lot for lot_id in wanted if lot_id in account.lots}


def lots_of_operation(tx: Transaction, account: Account, operation_id: str) -> list[Lot]:
    """The lots that an operation's credits made, without what holds set aside."""
    _load(tx, account, (tables.lots.c.operation_id == operation_id) & (tables.lots.c.member_id == account.id))
    return [stored.free for stored in account.lots.values() if stored.lot.operation_id == operation_id]


def uses_of_entries(tx: Transaction, entry_ids: Iterable[str]) -> list[Use]:
    """What these entries did to lots, in order."""
    uses = tables.lot_uses.c
    query = select(uses.lot_id, uses.points, uses.expires_at).where(uses.entry_id.in_(list(entry_ids)))
    return [Use(row.lot_id, row.points, row.expires_at) for row in tx.connection.execute(query.order_by(uses.seq))]


def add_lot(tx: Transaction, account: Account, lot: Lot, *, party: int, ruleset_hash: str) -> None:
    """Stages a new, full lot: the credit `lot.id` made it."""
    account.lots[lot.id] = StoredLot(lot, party, ruleset_hash, is_new=True)
    account.changed_lots.add(lot.id)
    tx.staged.lot_uses.append(LotUse(lot.id, lot.id, None, lot.points, lot.expires_at))
    _look_in_time(account, lot)


def _look_in_time(account: Account, lot: Lot) -> None:
    """There are points again that may have to be told of."""
    if lot.expires_at is not None:
        look_by(account, expiry_told_at(lot.issued_at, lot.expires_at))


def use_lots(tx: Transaction, account: Account, uses: Iterable[Use], *, entry_id: str) -> None:
    """Stages what an entry does to lots."""
    for use in uses:
        stored = account.lots[use.lot_id]
        lot = replace(stored.lot, left=stored.lot.left + use.points, expires_at=use.expires_at)
        account.lots[use.lot_id] = replace(stored, lot=lot)
        account.changed_lots.add(use.lot_id)
        tx.staged.lot_uses.append(LotUse(use.lot_id, entry_id, None, use.points, use.expires_at))
        if use.points > 0:
            _look_in_time(account, lot)


def extend_lots(tx: Transaction, account: Account, *, activity_at: datetime, operation_id: str) -> None:
    """Stages the later dates that an activity gives to lots under the inactivity model."""
    if not tx.does_activity_prolong:
        return
    open_lots(tx, account)
    for stored in [one for one in account.lots.values() if one.lot.left]:
        lot = stored.lot
        later = extended(tx.ruleset(stored.ruleset_hash), lot.expires_at, activity_at, keeps_date=lot.keeps_date)
        if later != lot.expires_at:
            account.lots[lot.id] = replace(stored, lot=replace(lot, expires_at=later))
            account.changed_lots.add(lot.id)
            tx.staged.lot_uses.append(LotUse(lot.id, None, operation_id, 0, later))


def consumption_time(tx: Transaction) -> datetime:
    """The instant at which lots count as expired: now, but never while an announced sunset has not come (CONTRACT
    §1).
    """
    sunset_at = tx.program.sunset_at
    return tx.now if sunset_at is None or tx.now >= sunset_at else LONG_AGO


def party_of(account: Account, lot_id: str) -> int:
    """Who issued a loaded lot."""
    return account.lots[lot_id].party


def _load(tx: Transaction, account: Account, condition: Any) -> None:
    for row in tx.connection.execute(select(tables.lots).where(condition)):
        if row.member_id != account.id:
            raise InvariantBroken("a lot belongs to another member")
        if row.entry_id not in account.lots:
            account.lots[row.entry_id] = stored_lot(row)


def stored_lot(row: Row[Any]) -> StoredLot:
    """A row of `lots`."""
    lot = Lot(
        id=row.entry_id,
        operation_id=row.operation_id,
        points=row.points,
        left=row.points_left,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        keeps_date=row.keeps_date,
    )
    return StoredLot(lot, row.party, row.ruleset_hash, held=row.points_held)
