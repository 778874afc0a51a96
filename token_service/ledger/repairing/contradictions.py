"""What was recorded after an old ledger was restored and before it is repaired: two histories that do not go together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from token_service.errors import LedgerWentOn
from token_service.ledger import tables
from token_service.ledger.repairing.gap import OpenedLeaf


def check_fits(connection: Connection, leaf: OpenedLeaf) -> None:
    """Raises LedgerWentOn if the ledger has another leaf of this number for the member, or operation of this reference."""
    if _has_number(connection, leaf) or _has_reference(connection, leaf):
        raise LedgerWentOn(
            "the ledger recorded other things after it was restored, under numbers or references that the chain knows: restore "
            "the backup again, and run `mereau repair` before anything serves"
        )


def _has_number(connection: Connection, leaf: OpenedLeaf) -> bool:
    """Details are RFC 8785 text: `number` and `occurred_at` stand side by side, and within a string quotes are escaped."""
    number = f'%"number":{leaf.number},"occurred_at"%'
    entries, facts = tables.entries.c, tables.facts.c
    queries = (
        select(entries.id).where(
            entries.member_id == leaf.member_id, entries.voids.is_(None), entries.detail.like(number)
        ),
        select(facts.id).where(facts.member_id == leaf.member_id, facts.detail.like(number)),
    )
    return any(connection.execute(query.limit(1)).first() is not None for query in queries)


def _has_reference(connection: Connection, leaf: OpenedLeaf) -> bool:
    document: Any = leaf.document
    if document.get("operation_id") is None:
        return False
    columns = tables.operations.c
    taken = (
        select(columns.id)
        .where(columns.merchant_id == document["merchant"], columns.kind == document["operation"])
        .where(columns.reference == document["reference"], columns.id != document["operation_id"])
    )
    return connection.execute(taken.limit(1)).first() is not None
