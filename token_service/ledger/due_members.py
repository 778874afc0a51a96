"""The next members for whom something is due, a chunk at a time, locked in one order."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Select

from token_service.ledger import tables
from token_service.ledger.transaction import Transaction

CHUNK: Final = 250


def next_members(tx: Transaction, query: Select[str], column: ColumnElement[str], place: str) -> list[str]:
    """The next chunk of members behind `place`, locked, without the frozen ones. The place is said of both tables of a join: else
    each chunk would walk again through all members before it.
    """
    behind = (column > place, tables.members.c.id > place)
    query = query.where(*behind, tables.members.c.frozen.is_(False)).order_by(column).limit(CHUNK)
    ids = list(tx.connection.execute(query).scalars())
    tx.lock_accounts(ids)
    return ids
