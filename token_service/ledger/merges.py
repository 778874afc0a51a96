"""What the sources say of accounts that became part of another one: operations of kind `merge`, facts `merged` and `merged_in`.

The operation counts for the account that stays, as all of the other one's do; so whose part an account is can always be told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select

from token_service.ledger import tables
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind

KIND: Final = "merge"
KINDS: Final = ("merged", "merged_in")
"""The facts, of the account that goes and of the one that stays."""
KEEPS_DATE: Final = '"keeps_date":true'
"""What the detail of such a credit has in it; most have not, and need not be read."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a lot comes from: what made it, when, who issued it, whose dates it has and whether its own stays."""

    operation_id: str | None
    issued_at: datetime
    party: int
    ruleset_hash: str
    keeps_date: bool = False


def origin_of(credit: Row[Any]) -> Origin:
    """The origin of the lot that this entry made: its own, or, of points that came from another account, what they had there."""
    if credit.kind != int(EntryKind.MOVE_IN):
        keeps_date = KEEPS_DATE in credit.detail and json.loads(credit.detail).get("keeps_date") is True
        return Origin(credit.operation_id, credit.occurred_at, credit.party, credit.ruleset_hash, keeps_date)
    return origin_said(json.loads(credit.detail)["lot"])


def origin_said(lot: Mapping[str, Any]) -> Origin:
    """The origin as the detail of a move says it."""
    keeps_date, issued_at = lot.get("keeps_date") is True, datetime.fromisoformat(lot["issued_at"])
    return Origin(lot["operation"], issued_at, lot["party"], lot["ruleset"], keeps_date)


def heir_of(tx: Transaction, member_id: str) -> str | None:
    """The account that this one became part of, by the facts alone: once it has arrived there."""
    facts, done, arrived = tables.facts.c, tables.operations.c, tables.facts.alias("arrived")
    query = select(done.member_id).join(tables.facts, facts.operation_id == done.id)
    query = query.join(arrived, (arrived.c.operation_id == done.id) & (arrived.c.kind == "merged_in"))
    query = query.where(facts.member_id == member_id, facts.kind == "merged")
    found: str | None = tx.connection.execute(query).scalar_one_or_none()
    return found


def parts_of(tx: Transaction, done: Iterable[Operation]) -> list[str]:
    """The accounts that became part of the one whose operations these are."""
    return [str(said["from"]) for said in arrivals(tx, done)]


def arrivals(tx: Transaction, done: Iterable[Operation]) -> list[dict[str, Any]]:
    """What the facts of these merges say, in the order in which they happened."""
    merges = [one.id for one in done if one.kind == KIND]
    columns = tables.facts.c
    query = select(columns.detail).where(columns.operation_id.in_(merges), columns.kind == "merged_in")
    return [json.loads(text) for text in tx.connection.execute(query.order_by(columns.seq)).scalars()] if merges else []


def renamed_completions(tx: Transaction, done: Iterable[Operation]) -> dict[str, str]:
    """New subjects of completed challenges, by their events."""
    names: dict[str, str] = {}
    for said in arrivals(tx, done):
        names |= said["renamed"]
    return names


def carried_visit(tx: Transaction, done: Sequence[Operation]) -> str | None:
    """The last visit of both accounts, as long as no purchase has come behind the merge."""
    last = next((one for one in reversed(done) if one.kind in (KIND, "purchase")), None)
    told = [] if last is None else arrivals(tx, [last])
    return json.dumps(told[-1]["visit"]) if told and told[-1]["visit"] is not None else None
