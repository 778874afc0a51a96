"""Every cached figure, computed afresh from the append-only sources (DESIGN §3.1): operations, entries, lot uses,
facts, debts.

`check_rebuild` compares, `rebuild` writes. Cached are: members' figures and tiers, lots, pending awards, what
purchases keep, what they hold of campaigns and count for in challenges, memberships, uses of benefits, what became of vouchers,
which of their uses were undone, which redemption paid for which purchase, standing orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, select, update

from token_service.ledger import direct, tables
from token_service.ledger.benefit_tables import benefit_uses
from token_service.ledger.campaign_uses import budget_differences, rebuild_budgets
from token_service.ledger.challenge_tables import challenge_completions, challenge_steps
from token_service.ledger.context import Context
from token_service.ledger.hold_tables import holds
from token_service.ledger.membership_tables import member_memberships
from token_service.ledger.payment_tables import points_payments
from token_service.ledger.referrals import mend_states
from token_service.ledger.replaying import replayed_member
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.standing_tables import standing_orders
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.voucher_use_tables import undone_voucher_uses

MEMBER_FIGURES: Final = (
    "available", "held", "pending", "debt", "issued", "redeemed", "expired", "reversed", "tier", "purchase_count",
    "last_activity_at", "leaf_count", "state", "segments", "merged_into", "carried_visit",
)  # fmt: skip
CACHED_TABLES: Final[Mapping[str, tuple[Table, str]]] = {
    "lots": (tables.lots, "entry_id"),
    "holds": (holds, "operation_id"),
    "awards": (tables.awards, "operation_id"),
    "purchases": (tables.purchases, "operation_id"),
    "points_payments": (points_payments, "purchase_id"),
    "campaign_uses": (tables.campaign_uses, "id"),
    "challenge_steps": (challenge_steps, "id"),
    "challenge_completions": (challenge_completions, "operation_id"),
    "member_memberships": (member_memberships, "operation_id"),
    "benefit_uses": (benefit_uses, "operation_id"),
    "vouchers": (vouchers, "id"),
    "undone_voucher_uses": (undone_voucher_uses, "operation_id"),
    "standing_orders": (standing_orders, "member_id"),
}
Rows = dict[str, dict[str, Any]]


def check_rebuild(context: Context) -> list[str]:
    """What the sources say otherwise than the cache, a sentence each; empty when all agree."""
    found: list[str] = []
    with context.store.read() as connection:
        tx = Transaction(context, connection, locks=False)
        for member_id in connection.execute(select(tables.members.c.id)).scalars().all():
            found += _differences(connection, member_id, replayed_member(tx, member_id))
        found += budget_differences(tx)
    return found


def rebuild(context: Context) -> None:
    """Writes every cached figure anew, member by member; each member is one transaction, so a run can stop and be
    repeated. What counts against ceilings is summed up again when it is next asked for.
    """
    with context.store.write() as connection:
        connection.execute(update(tables.merchants).values(window_number=None, window_points=0))
        connection.execute(delete(tables.ceiling_slots))
    with context.store.read() as connection:
        ids = connection.execute(select(tables.members.c.id).order_by(tables.members.c.id)).scalars().all()
    for member_id in ids:
        write(context, lambda tx: rewrite_member(tx, member_id))  # noqa: B023
    write(context, rebuild_budgets)


def rewrite_member(tx: Transaction, member_id: str) -> None:
    """Writes one member's cached figures anew, inside the caller's transaction; what it staged must be flushed."""
    tx.lock_accounts([member_id])
    figures, rows = replayed_member(tx, member_id)
    members, due = tables.members.c, None if figures["merged_into"] else tx.now
    tx.connection.execute(
        update(tables.members).where(members.id == member_id).values(**figures, tier_due_at=due, notice_due_at=due)
    )
    for name, (table, _key) in CACHED_TABLES.items():
        tx.connection.execute(delete(table).where(table.c.member_id == member_id))
        direct.append(tx.connection, table, list(rows[name].values()))
    mend_states(tx, member_id)


def _differences(
    connection: Connection, member_id: str, replayed: tuple[dict[str, Any], dict[str, Rows]]
) -> Iterable[str]:
    figures, rows = replayed
    stored = connection.execute(select(tables.members).where(tables.members.c.id == member_id)).one()._mapping
    for name in MEMBER_FIGURES:
        if stored[name] != figures[name]:
            yield f"{member_id}: {name} is {stored[name]}, the sources say {figures[name]}"
    for name, (table, key) in CACHED_TABLES.items():
        found = connection.execute(select(table).where(table.c.member_id == member_id))
        cached = {row._mapping[key]: dict(row._mapping) for row in found}
        for row_id in sorted(cached.keys() | rows[name].keys()):
            if cached.get(row_id) != rows[name].get(row_id):
                yield f"{member_id}: {name} {row_id} differs from the sources"
