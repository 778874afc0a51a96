"""Standing orders as facts: each one that is given, changed or ended is a leaf, so that an auditor sees which was in force when.

The rows say what holds now, and are replayed from the facts. An order from before there were such facts has its first one when it
is next used, changed or ended.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select

from token_service.ledger import tables
from token_service.ledger.accounts import Account
from token_service.ledger.posting import fact
from token_service.ledger.standing_tables import standing_orders
from token_service.ledger.transaction import Transaction

KIND: Final = "standing_order"
_orders, _facts = standing_orders.c, tables.facts.c


def order_of(tx: Transaction, member_id: str) -> Row[Any] | None:
    """The order that holds now."""
    return tx.connection.execute(select(standing_orders).where(_orders.member_id == member_id)).one_or_none()


def give(tx: Transaction, account: Account, points: int, actor_name: str) -> None:
    """The account's order from here on, 0 for none, and the fact that records a change of it. Flushed by the caller."""
    row, told = order_of(tx, account.id), _told(tx, account.id)
    if (0 if row is None else row.points) == points == told:
        return
    if told != points:
        fact(tx, account, KIND, operation=None, more={"up_to": points, "actor": actor_name})
    tx.connection.execute(delete(standing_orders).where(_orders.member_id == account.id))
    if points:
        values = {"member_id": account.id, "points": points, "set_at": tx.now, "set_by": actor_name}
        tx.connection.execute(insert(standing_orders).values(**values))


def tell(tx: Transaction, account: Account) -> None:
    """Records the order that holds, if no fact has told of it yet."""
    row = order_of(tx, account.id)
    if row is not None:
        give(tx, account, row.points, row.set_by)


def take_over(tx: Transaction, source: Account, target: Account, actor_name: str) -> None:
    """The order of an account that became part of another one holds for that one, unless it has its own."""
    row = order_of(tx, source.id)
    tx.connection.execute(delete(standing_orders).where(_orders.member_id == source.id))
    if row is not None and order_of(tx, target.id) is None:
        give(tx, target, row.points, actor_name)


def replayed_orders(tx: Transaction, member_id: str, *, is_merged: bool) -> dict[str, dict[str, Any]]:
    """The row that the last fact gives; as it is stored, where none has told of it."""
    last, stored = _last(tx, member_id), order_of(tx, member_id)
    if is_merged:
        return {}
    if last is None:
        return {} if stored is None else {member_id: dict(stored._mapping)}
    told = json.loads(last.detail)
    if not told["up_to"]:
        return {}
    row = {"member_id": member_id, "points": told["up_to"], "set_at": last.recorded_at, "set_by": told["actor"]}
    return {member_id: row}


def _told(tx: Transaction, member_id: str) -> int:
    last = _last(tx, member_id)
    return 0 if last is None else int(json.loads(last.detail)["up_to"])


def _last(tx: Transaction, member_id: str) -> Row[Any] | None:
    query = select(tables.facts).where(_facts.member_id == member_id, _facts.kind == KIND)
    return tx.connection.execute(query.order_by(_facts.seq.desc()).limit(1)).one_or_none()
