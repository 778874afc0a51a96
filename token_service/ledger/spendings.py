"""What a member spent and set aside lately, for the rules that bound it (program/spending_limits.py).

Only what may still bound something is read, by an index of spending alone: who comes each day for ten years is judged by today.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from token_service.ledger import tables
from token_service.ledger.accounts import Account
from token_service.ledger.hold_rows import OPEN
from token_service.ledger.hold_tables import holds
from token_service.ledger.transaction import Transaction
from token_service.program import donations, spending_limits
from token_service.program.spending_limits import Spent
from token_service.units import EntryKind

_done, _holds, _entries = tables.operations.c, holds.c, tables.entries.c
_SPENT = (int(EntryKind.REDEMPTION), int(EntryKind.DONATION))


def spent_by(tx: Transaction, account: Account) -> tuple[Spent, ...]:
    """The member's redemptions and open holds that may bound what is spent now. Rules that bound neither the day nor the time
    between two look at none. A captured hold counts from when it was made; what came back, or the contract refused, no more.
    """
    since = spending_limits.counts_since(tx.ruleset(tx.ruleset_hash_at(tx.now)), tx.now)
    if since is None:
        return ()
    found = [*_redeemed(tx, account, since), *_set_aside(tx, account)]
    return tuple(one for one in found if one.at >= since)


def given_by(tx: Transaction, account: Account) -> tuple[Spent, ...]:
    """What the member gave to causes and may bound a gift now, without what the contract refused. Rules that do not ask look at
    nothing.
    """
    since = donations.counts_since(tx.ruleset(tx.ruleset_hash_at(tx.now)), tx.now)
    if since is None:
        return ()
    rows = _recorded(tx, account, "donation", since)
    refused = voided(tx, [row.id for row in rows])
    return tuple(Spent(row.recorded_at, row.facts["points"]) for row in rows if row.id not in refused)


def voided(tx: Transaction, operation_ids: list[str]) -> set[str]:
    """Those of these redemptions and donations that the contract refused."""
    if not operation_ids:
        return set()
    undoing = tables.entries.alias("undoing")
    query = (
        select(_entries.operation_id)
        .join(undoing, undoing.c.voids == _entries.id)
        .where(_entries.operation_id.in_(operation_ids), _entries.kind.in_(_SPENT))
    )
    return set(tx.connection.execute(query).scalars())


def _recorded(tx: Transaction, account: Account, kind: str, since: datetime) -> Sequence[Any]:
    query = select(_done.id, _done.parent_id, _done.recorded_at, _done.facts).where(tables.IS_SPENDING)
    query = query.where(_done.member_id == account.id, _done.recorded_at >= since, _done.kind == kind)
    return tx.connection.execute(query).all()


def _redeemed(tx: Transaction, account: Account, since: datetime) -> list[Spent]:
    """Of redemptions recorded since: whatever was held since was captured since, too."""
    rows = _recorded(tx, account, "redemption", since)
    if not rows:
        return []
    ids = [row.id for row in rows]
    held_at = _held_at(tx, [row.parent_id for row in rows if row.parent_id is not None])
    came_back = select(_done.parent_id, _done.facts).where(_done.parent_id.in_(ids), _done.kind == "restoration")
    back: dict[str, int] = {}
    for row in tx.connection.execute(came_back):
        back[row.parent_id] = back.get(row.parent_id, 0) + row.facts["points"]
    refused = voided(tx, ids)
    return [
        Spent(held_at.get(row.parent_id, row.recorded_at), row.facts["points"] - back.get(row.id, 0))
        for row in rows
        if row.id not in refused
    ]


def _set_aside(tx: Transaction, account: Account) -> list[Spent]:
    """Of open holds: there are none while nothing of the account is held."""
    if not account.held:
        return []
    still = select(_holds.operation_id, _holds.points).where(
        _holds.member_id == account.id, _holds.state == OPEN, _holds.expires_at > tx.now
    )
    rows = tx.connection.execute(still).all()
    held_at = _held_at(tx, [row.operation_id for row in rows])
    return [Spent(held_at[row.operation_id], row.points) for row in rows]


def _held_at(tx: Transaction, operation_ids: Sequence[str]) -> dict[str, datetime]:
    """When those of these operations that are holds were made."""
    if not operation_ids:
        return {}
    query = select(_done.id, _done.recorded_at).where(_done.id.in_(operation_ids), _done.kind == "hold")
    return {row.id: row.recorded_at for row in tx.connection.execute(query)}
