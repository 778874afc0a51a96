"""Entries (and facts) as they are answered: the line, the plain values a page can put into words, the promise, the
settlement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select, union_all

from token_service.ledger import tables, views
from token_service.ledger.posting import WORDS
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind

_HIDDEN: Final = frozenset(
    {"v", "kind", "occurred_at", "recorded_at", "ruleset", "merchant", "operation_id", "facts", "part"}
)
_MONEY: Final = ("total", "currency", "channel", "store")


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
    word = "void" if row.voids else WORDS[EntryKind(row.kind)]
    return _view(tx, row, kind=word, points=row.points, balance_after=row.balance_after, ruleset=row.ruleset_hash)


def fact_view(tx: Transaction, row: Row[Any]) -> views.EntryView:
    """The view of a row of `fact_query`: an entry of 0 points whose kind is the fact's word."""
    ruleset = str(json.loads(row.detail)["ruleset"])
    return _view(tx, row, kind=row.kind, points=0, balance_after=0, ruleset=ruleset)


def entries_of(tx: Transaction, operation_ids: Sequence[str]) -> dict[str, list[views.EntryView]]:
    """The entries of operations, in order."""
    entries = tables.entries.c
    query = entry_query().where(entries.operation_id.in_(operation_ids)).order_by(entries.seq)
    found: dict[str, list[views.EntryView]] = {operation_id: [] for operation_id in operation_ids}
    for row in tx.connection.execute(query):
        found[row.operation_id].append(entry_view(tx, row))
    return found


def promises_of(tx: Transaction, operation_ids: Sequence[str]) -> dict[str, views.PromiseView]:
    """The promise of each operation's first leaf."""
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
    """The promise that stands in a leaf's row."""
    return views.PromiseView(
        chain_id=tx.program.chain_id,
        contract=tx.program.contract_address or "",
        entry_id=row.leaf_id,
        account=row.leaf_account,
        kind=row.leaf_kind,
        party=row.leaf_party,
        amount=row.leaf_amount,
        commitment=row.leaf_commitment,
        settle_by=row.leaf_settle_by,
        signature=row.leaf_promise,
    )


def _leaf_columns() -> list[Any]:
    names = ("id", "account", "kind", "party", "amount", "commitment", "settle_by", "promise", "state", "position")
    return [
        *(leaves.c[name].label("leaf_" + name) for name in names),
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
        settlement=_settlement(row),
        promise=None if row.leaf_id is None else promise_view(tx, row),
        facts=plain_facts(document),
    )


def _settlement(row: Row[Any]) -> views.Settlement:
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
    """What a page may show of a detail: everything but its frame, with a purchase's money brought to the top."""
    plain: dict[str, object] = {key: value for key, value in document.items() if key not in _HIDDEN}
    purchase = document.get("facts")
    if isinstance(purchase, dict):
        plain |= {key: purchase[key] for key in _MONEY if key in purchase}
    return plain
