"""Merges that wait for a second person: accounts with more points than one person may move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select

from token_service.ledger.context import Actor, Context
from token_service.ledger.merge_tables import merge_requests
from token_service.ledger.tables import members
from token_service.ledger.transaction import Transaction, write

LISTED_MAX: Final = 100
_columns = merge_requests.c


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Who asked to make which account part of which, and why."""

    member_id: str
    member_name: str | None
    into_id: str
    into_name: str | None
    asked_by: str
    reason: str
    created_at: datetime


def open_requests(context: Context, actor: Actor, member_id: str | None = None) -> tuple[MergeRequest, ...]:
    """What waits, oldest first, at most 100; or of one account. Raises Forbidden for anybody but an admin."""
    actor.need_admin()
    source, target = members.alias("source"), members.alias("target")
    query = (
        select(
            _columns.member_id,
            source.c.name,
            _columns.into_id,
            target.c.name,
            _columns.asked_by,
            _columns.reason,
            _columns.created_at,
        )
        .join(source, source.c.id == _columns.member_id)
        .join(target, target.c.id == _columns.into_id)
        .order_by(_columns.created_at, _columns.member_id)
        .limit(LISTED_MAX)
    )
    if member_id is not None:
        query = query.where(_columns.member_id == member_id)
    with context.store.read() as connection:
        return tuple(MergeRequest(*row) for row in connection.execute(query))


def decline_request(context: Context, actor: Actor, member_id: str, into_id: str) -> bool:
    """Whether it was asked that this account becomes part of that one; nobody waits for it any more. Raises Forbidden for anybody
    but an admin.
    """
    actor.need_admin()

    def work(tx: Transaction) -> bool:
        tx.account(member_id)
        found = request_for(tx, member_id)
        if found is None or found.into_id != into_id:
            return False
        forget_request(tx, member_id)
        return True

    return write(context, work)


def request_for(tx: Transaction, member_id: str) -> Row[Any] | None:
    """What was asked for this account."""
    return tx.connection.execute(select(merge_requests).where(_columns.member_id == member_id)).one_or_none()


def ask(tx: Transaction, member_id: str, into_id: str, actor_name: str, reason: str) -> None:
    """Remembers that this person asked; the last word holds."""
    forget_request(tx, member_id)
    row = {"member_id": member_id, "into_id": into_id, "asked_by": actor_name, "reason": reason, "created_at": tx.now}
    tx.connection.execute(insert(merge_requests).values(**row))


def forget_request(tx: Transaction, member_id: str) -> None:
    """Nobody waits for an answer any more."""
    tx.connection.execute(delete(merge_requests).where(_columns.member_id == member_id))
