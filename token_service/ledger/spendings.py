"""What a member spent and set aside lately, for the rules that bound it (program/spending_limits.py)."""

from __future__ import annotations

from sqlalchemy import select

from token_service.ledger import tables
from token_service.ledger.accounts import Account
from token_service.ledger.hold_rows import OPEN
from token_service.ledger.hold_tables import holds
from token_service.ledger.transaction import Transaction
from token_service.program.donations import counts_before
from token_service.program.spending_limits import Spent
from token_service.units import EntryKind

_done, _holds, _entries = tables.operations.c, holds.c, tables.entries.c
_KINDS = ("redemption", "restoration", "hold")
_SPENT = (int(EntryKind.REDEMPTION), int(EntryKind.DONATION))


def spent_by(tx: Transaction, account: Account) -> tuple[Spent, ...]:
    """The member's redemptions and open holds. Rules that bound neither the day nor the time between two look at none. A captured
    hold counts from when it was made; what came back, or the contract refused, no more.
    """
    limits = tx.ruleset(tx.ruleset_hash_at(tx.now)).redemption
    if limits is None or (limits.per_member_day_points is None and limits.cool_down is None):
        return ()
    query = select(_done.id, _done.kind, _done.parent_id, _done.recorded_at, _done.facts)
    rows = tx.connection.execute(query.where(_done.member_id == account.id, _done.kind.in_(_KINDS))).all()
    held_at = {row.id: row.recorded_at for row in rows if row.kind == "hold"}
    back: dict[str, int] = {}
    for row in rows:
        if row.kind == "restoration":
            back[row.parent_id] = back.get(row.parent_id, 0) + row.facts["points"]
    refused = voided(tx, [row.id for row in rows if row.kind == "redemption"])
    found = [
        Spent(held_at.get(row.parent_id, row.recorded_at), row.facts["points"] - back.get(row.id, 0))
        for row in rows
        if row.kind == "redemption" and row.id not in refused
    ]
    still = select(_holds.operation_id, _holds.points).where(
        _holds.member_id == account.id, _holds.state == OPEN, _holds.expires_at > tx.now
    )
    found += [Spent(held_at[row.operation_id], row.points) for row in tx.connection.execute(still)]
    return tuple(found)


def given_by(tx: Transaction, account: Account) -> tuple[Spent, ...]:
    """What the member gave to causes, without what the contract refused. Rules that do not ask look at nothing."""
    if not counts_before(tx.ruleset(tx.ruleset_hash_at(tx.now))):
        return ()
    query = select(_done.id, _done.recorded_at, _done.facts)
    rows = tx.connection.execute(query.where(_done.member_id == account.id, _done.kind == "donation")).all()
    refused = voided(tx, [row.id for row in rows])
    return tuple(Spent(row.recorded_at, row.facts["points"]) for row in rows if row.id not in refused)


def voided(tx: Transaction, operation_ids: list[str]) -> set[str]:
    """Those of these redemptions and donations that the contract refused."""
    undoing = tables.entries.alias("undoing")
    query = (
        select(_entries.operation_id)
        .join(undoing, undoing.c.voids == _entries.id)
        .where(_entries.operation_id.in_(operation_ids), _entries.kind.in_(_SPENT))
    )
    return set(tx.connection.execute(query).scalars())
