"""Taking issued points back: a reversal of what is there, a debt for the rest, and always a leaf (DESIGN §3.4,
§3.5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from token_service.ledger import stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.awards import owe
from token_service.ledger.own_wallets import OURS
from token_service.ledger.posting import change_lots, fact, sweep_expired
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.program import lots as engine
from token_service.program.lots import Lot
from token_service.units import EntryKind


def lost_of(tx: Transaction, account: Account, operation_id: str) -> int:
    """Points of this operation's lots that were lost for another reason than being taken back: they expired (also those whose
    date has come but that nobody swept yet), or their whole issuance was voided, from these lots or others. What was lost before
    two accounts became one counts, too.
    """
    entries, lots = tables.entries.c, tables.lots.c
    found = {lot.id: lot for lot in stored_lots.lots_of_operation(tx, account, operation_id)}
    before = select(tables.lots).where(lots.operation_id == operation_id, lots.member_id != account.id)
    found |= {row.entry_id: stored_lots.stored_lot(row).lot for row in tx.connection.execute(before)}
    voided = set(tx.connection.execute(select(entries.voids).where(entries.voids.in_(found)).distinct()).scalars())
    kept = [lot for lot in found.values() if lot.id not in voided]
    return sum(found[lot_id].points for lot_id in voided) + _expired_of(tx, kept)


def _expired_of(tx: Transaction, lots: Sequence[Lot]) -> int:
    uses, entries = tables.lot_uses.c, tables.entries.c
    query = (
        select(func.coalesce(func.sum(-uses.points), 0))
        .join(tables.entries, entries.id == uses.entry_id)
        .where(uses.lot_id.in_([lot.id for lot in lots]), entries.kind == int(EntryKind.EXPIRY))
    )
    at = stored_lots.consumption_time(tx)
    unswept = sum(lot.left for lot in lots if engine.is_expired(lot, at))
    return int(tx.connection.execute(query).scalar_one()) + unswept


def take_back(
    tx: Transaction,
    account: Account,
    operation: Operation,
    *,
    points: int,
    party: int,
    of: str,
    more: Mapping[str, Any],
) -> tuple[int, int]:
    """(reversed, made debt): the two sum to `points` ≥ 0. The lots of operation `of` give first. All is owed while the points are
    in the member's own wallet, or on the way there or back (DESIGN §3.8).
    """
    reversed_ = 0
    if points and account.state in OURS:
        sweep_expired(tx, account)
        lots = stored_lots.open_lots(tx, account)
        uses = engine.reverse(lots, points, operation_id=of, at=stored_lots.consumption_time(tx))
        reversed_ = -sum(use.points for use in uses)
        if uses:
            kind = EntryKind.REVERSAL
            change_lots(
                tx, account, operation, kind=kind, uses=uses, party=party, more={**more, "debt": points - reversed_}
            )
    debt = points - reversed_
    if debt:
        owe(tx, account, points=debt, party=party, operation_id=operation.id)
    if not reversed_:
        word = "debt" if debt else operation.kind
        fact(tx, account, word, operation=operation, more={**more, "debt": debt})
    return reversed_, debt
