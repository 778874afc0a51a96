"""Entries (and facts) as they are answered: the line, the plain values a page can put into words, the promise, the
settlement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Row, Select, select, union_all

from token_service.ledger import tables, views
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.staged import Entry, Operation
from token_service.ledger.stores import store_of
from token_service.ledger.transaction import Transaction
from token_service.program.event_facts import OWN_PREFIX
from token_service.units import KIND_WORDS, EntryKind

_HIDDEN: Final = frozenset(
    {"v", "kind", "occurred_at", "recorded_at", "ruleset", "merchant", "operation_id", "facts", "part"}
)
_PROMISED: Final = ("id", "account", "kind", "party", "amount", "commitment", "settle_by", "promise")
_BROUGHT_UP: Final = ("total", "currency", "channel", "store", "event", "benefit", "note")


@cache
def entry_query() -> Select[Any]:
    """Entries with all that their views need; add `where` and `order_by`."""
    entries, operations = tables.entries.c, tables.operations.c
    return (
        select(
            *tables.entries.c,
            operations.merchant_id,
            operations.reference,
            tables.merchants.c.name.label("merchant_name"),
            tables.stores.c.name.label("store_name"),
            *_leaf_columns(),
        )
        .outerjoin(tables.operations, operations.id == entries.operation_id)
        .outerjoin(tables.merchants, tables.merchants.c.id == operations.merchant_id)
        .outerjoin(tables.stores, tables.stores.c.id == operations.store_id)
        .outerjoin(leaves, leaves.c.id == entries.id)
        .outerjoin(batches, batches.c.id == leaves.c.batch_id)
    )


@cache
def fact_query() -> Select[Any]:
    """Facts with all that their views need."""
    facts, operations = tables.facts.c, tables.operations.c
    return (
        select(
            *tables.facts.c,
            operations.merchant_id,
            operations.reference,
            tables.merchants.c.name.label("merchant_name"),
            tables.stores.c.name.label("store_name"),
            *_leaf_columns(),
        )
        .outerjoin(tables.operations, operations.id == facts.operation_id)
        .outerjoin(tables.merchants, tables.merchants.c.id == operations.merchant_id)
        .outerjoin(tables.stores, tables.stores.c.id == operations.store_id)
        .join(leaves, leaves.c.id == facts.id)
        .outerjoin(batches, batches.c.id == leaves.c.batch_id)
    )


def entry_view(tx: Transaction, row: Row[Any]) -> views.EntryView:
    """The view of a row of `entry_query`."""
    word = "void" if row.voids else KIND_WORDS[EntryKind(row.kind)]
    return _view(tx, row, kind=word, points=row.points, balance_after=row.balance_after, ruleset=row.ruleset_hash)


def fact_view(tx: Transaction, row: Row[Any]) -> views.EntryView:
    """The view of a row of `fact_query`: an entry of 0 points whose kind is the fact's word."""
    ruleset = str(json.loads(row.detail)["ruleset"])
    return _view(tx, row, kind=row.kind, points=0, balance_after=0, ruleset=ruleset)


def entries_of(tx: Transaction, operation_ids: Sequence[str]) -> dict[str, list[views.EntryView]]:
    """The entries of operations, in order; those that this transaction wrote are not read back."""
    found: dict[str, list[views.EntryView]] = {operation_id: [] for operation_id in operation_ids}
    written = {operation.id: operation for operation in tx.staged.operations}
    for entry in tx.staged.entries:
        if entry.operation_id in found and entry.operation_id in written:
            found[entry.operation_id].append(_written(tx, entry, written[entry.operation_id]))
    stored = [operation_id for operation_id in operation_ids if operation_id not in written]
    if stored:
        query = entry_query().where(tables.entries.c.operation_id.in_(stored)).order_by(tables.entries.c.seq)
        for row in tx.connection.execute(query):
            found[row.operation_id].append(entry_view(tx, row))
    return found


def _written(tx: Transaction, entry: Entry, operation: Operation) -> views.EntryView:
    """The view of an entry that this transaction wrote for an operation of its own."""
    store = None if operation.store_id is None else store_of(tx, operation.merchant_id, operation.store_id)
    leaf = tx.written_leaves.get(entry.id)
    return views.EntryView(
        id=entry.id,
        created_at=entry.recorded_at,
        occurred_at=entry.occurred_at,
        member_id=entry.member_id,
        kind=KIND_WORDS[entry.kind] if entry.voids is None else "void",
        points=entry.points,
        balance_after=entry.balance_after,
        operation_id=operation.id,
        merchant_id=operation.merchant_id,
        merchant_name=tx.merchant(operation.merchant_id).name,
        store_name=None if store is None else store.name,
        reference=operation.reference,
        ruleset=entry.ruleset_hash,
        settlement=views.Settlement(state="void" if leaf is None else leaf["state"]),
        promise=None if leaf is None else _promise(tx, leaf),
        facts=plain_facts(json.loads(entry.detail)),
    )


def promises_of(tx: Transaction, operation_ids: Sequence[str]) -> dict[str, views.PromiseView]:
    """The promise of each operation's first leaf."""
    written = {operation.id for operation in tx.staged.operations}
    found: dict[str, views.PromiseView] = {}
    for leaf in tx.staged.leaves:
        if leaf.operation_id in written and leaf.operation_id in operation_ids and leaf.operation_id not in found:
            found[leaf.operation_id] = _promise(tx, tx.written_leaves[leaf.id])
    stored = [operation_id for operation_id in operation_ids if operation_id not in written]
    return found | _stored_promises(tx, stored) if stored else found


def _stored_promises(tx: Transaction, operation_ids: Sequence[str]) -> dict[str, views.PromiseView]:
    sources = union_all(
        *(
            select(table.c.id.label("id"), table.c.operation_id.label("operation_id")).where(
                table.c.operation_id.in_(operation_ids)
            )
            for table in (tables.entries, tables.facts)
        )
    ).subquery()
    query = select(sources.c.operation_id, *_leaf_columns()).join(leaves, leaves.c.id == sources.c.id)
    query = query.outerjoin(batches, batches.c.id == leaves.c.batch_id).order_by(leaves.c.seq.desc())
    return {row.operation_id: promise_view(tx, row) for row in tx.connection.execute(query)}


def promise_view(tx: Transaction, row: Row[Any]) -> views.PromiseView:
    """The promise that stands in a leaf's row of `entry_query`."""
    return _promise(tx, {name: row._mapping["leaf_" + name] for name in _PROMISED})


def _promise(tx: Transaction, leaf: Mapping[str, Any]) -> views.PromiseView:
    return views.PromiseView(
        chain_id=tx.program.chain_id,
        contract=tx.program.contract_address or "",
        entry_id=leaf["id"],
        account=leaf["account"],
        kind=leaf["kind"],
        party=leaf["party"],
        amount=leaf["amount"],
        commitment=leaf["commitment"],
        settle_by=leaf["settle_by"],
        signature=leaf["promise"],
    )


def _leaf_columns() -> list[Any]:
    return [
        *(leaves.c[name].label("leaf_" + name) for name in (*_PROMISED, "state", "position")),
        batches.c.operator,
        batches.c.seq.label("batch_seq"),
        batches.c.transaction_hash,
        batches.c.block_number,
    ]


def _view(
    tx: Transaction, row: Row[Any], *, kind: str, points: int, balance_after: int, ruleset: str
) -> views.EntryView:
    document = json.loads(row.detail)
    return views.EntryView(
        id=row.id,
        created_at=row.recorded_at,
        occurred_at=row.occurred_at,
        member_id=row.member_id,
        kind=kind,
        points=points,
        balance_after=balance_after,
        operation_id=row.operation_id,
        merchant_id=row.merchant_id,
        merchant_name=row.merchant_name,
        store_name=row.store_name,
        reference=row.reference,
        ruleset=ruleset,
        settlement=_settlement(row, document),
        promise=None if row.leaf_id is None else promise_view(tx, row),
        facts=plain_facts(document),
    )


def _settlement(row: Row[Any], document: Mapping[str, Any]) -> views.Settlement:
    if row.leaf_id is None and "quote_hash" in document:  # the member did it on the chain themselves
        return views.Settlement(state="final", transaction_hash=document["transaction"])
    if row.leaf_id is None:
        return views.Settlement(state="void")
    return views.Settlement(
        state=row.leaf_state,
        operator=row.operator,
        seq=row.batch_seq,
        index=row.leaf_position,
        transaction_hash=row.transaction_hash,
        block_number=row.block_number,
    )


def plain_facts(document: Mapping[str, Any]) -> dict[str, object]:
    """What a page may show of a detail: all but its frame, with a purchase's money, or what event it was, brought to the top; of
    the programme's own events also what they were about.
    """
    plain: dict[str, object] = {key: value for key, value in document.items() if key not in _HIDDEN}
    purchase = document.get("facts")
    if isinstance(purchase, dict):
        plain |= {key: purchase[key] for key in _BROUGHT_UP if key in purchase}
        if str(purchase.get("event", "")).startswith(OWN_PREFIX) and "subject" in purchase:
            plain["subject"] = purchase["subject"]
    return plain
