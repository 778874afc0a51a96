"""A merchant's stores, read inside other use cases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from token_service.errors import NotFound
from token_service.ledger import tables, views
from token_service.ledger.transaction import Transaction


def store_of(tx: Transaction, merchant_id: str, store_id: str) -> Row[Any]:
    """The merchant's store. Raises NotFound, for foreign ones too."""
    columns = tables.stores.c
    known = tx.known_stores.get(store_id)
    if known is None:
        known = tx.connection.execute(select(tables.stores).where(columns.id == store_id)).one_or_none()
    if known is None or known.merchant_id != merchant_id:
        raise NotFound("no such store")
    tx.known_stores[store_id] = known
    return known


def store_row(tx: Transaction, merchant_id: str, *, external_id: str) -> Row[Any] | None:
    """The merchant's store of that external id, or None."""
    columns = tables.stores.c
    query = select(tables.stores).where(columns.merchant_id == merchant_id, columns.external_id == external_id)
    return tx.connection.execute(query).one_or_none()


def store_view(row: Row[Any]) -> views.Store:
    """The view of a store's row."""
    return views.Store(
        id=row.id,
        created_at=row.created_at,
        merchant_id=row.merchant_id,
        external_id=row.external_id,
        name=row.name,
    )
