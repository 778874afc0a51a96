"""Accounts that became one in the gap: what counted for the one counts for the other again; and merges that a lost ledger had
begun on the chain are brought to their end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select

from token_service.ledger import operations, stored_lots, tables
from token_service.ledger.accounts import Account, StoredLot
from token_service.ledger.context import Context
from token_service.ledger.merged_rows import hand_over
from token_service.ledger.merging import arrive, depart
from token_service.ledger.moving_on import move_in_all
from token_service.ledger.repairing.gap import JudgedLeaf, OpenedLeaf
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction, write
from token_service.units import EntryKind

_done, _entries, _facts = tables.operations.c, tables.entries.c, tables.facts.c


def merged_again(tx: Transaction, judged: Iterable[JudgedLeaf]) -> set[str]:
    """The accounts that became part of another one in this batch; their rows have gone over."""
    found = [leaf for leaf in judged if isinstance(leaf, OpenedLeaf) and leaf.kind == "merged_in"]
    for leaf in found:
        said = leaf.document
        hand_over(tx, said["from"], said["into"], said["renamed"], said["actor"])
    return {str(leaf.document["from"]) for leaf in found}


def finish_merges(context: Context) -> int:
    """How many merges were brought to their end: the points had gone out on the chain, and what brings them in was lost."""
    with context.store.read() as connection:
        query = select(_done.id).where(_done.kind.in_(("merge", "move"))).order_by(_done.seq)
        ids = list(connection.execute(query).scalars())
    return sum(write(context, lambda tx: _finish(tx, operation_id)) for operation_id in ids)  # noqa: B023


def _finish(tx: Transaction, operation_id: str) -> bool:
    operation = operations.loaded(tx, [operation_id])[operation_id]
    lots, said = _missing(tx, operation), _said(tx, operation)
    if not lots and (operation.kind == "move" or "merged_in" in said):
        return False
    source = tx.account(operation.facts["from"])
    operation.parts = operations.parts_of(tx, operation)
    if operation.kind == "move" or "merged_in" in said:
        move_in_all(tx, tx.heir(source), operation, lots)
        return True
    if "merged" not in said:
        depart(tx, source, operation, lots)
    arrive(tx, source, tx.heir(tx.account(operation.facts["into"])), operation, lots)
    return True


def _said(tx: Transaction, operation: Operation) -> set[str]:
    return set(tx.connection.execute(select(_facts.kind).where(_facts.operation_id == operation.id)).scalars())


def _missing(tx: Transaction, operation: Operation) -> list[StoredLot]:
    """The lots that went out and did not come in, as they left."""
    query = select(tables.entries).where(_entries.operation_id == operation.id).order_by(_entries.seq)
    rows = tx.connection.execute(query).all()
    out = [row for row in rows if row.kind == int(EntryKind.MOVE_OUT)]
    came = [json.loads(row.detail)["lot"]["id"] for row in rows if row.kind == int(EntryKind.MOVE_IN)]
    left = [use for row in out for use in stored_lots.uses_of_entries(tx, [row.id])]
    source = tx.account(operation.facts["from"])
    return [_as_it_left(tx, source, use.lot_id, -use.points) for use in left if use.lot_id not in came]


def _as_it_left(tx: Transaction, source: Account, lot_id: str, points: int) -> StoredLot:
    (lot,) = stored_lots.lots_named(tx, source, [lot_id])
    return replace(source.lots[lot_id], lot=replace(lot, left=points), held=0)
