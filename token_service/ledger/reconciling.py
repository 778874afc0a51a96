"""What the ledger says that the chain must say, as of the ledger's final block: read in one snapshot (DESIGN §3.3, §3.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, insert, select

from token_service.ledger.following import REDEEMED
from token_service.ledger.settlement_tables import (
    batches,
    chain_events,
    cursors,
    lanes,
    leaves,
    reconciliations,
    transactions,
)
from token_service.ledger.store import Store
from token_service.ledger.tables import entries, members
from token_service.ledger.wallet_tables import wallet_events
from token_service.units import CREDIT_KINDS, EntryKind


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that differs. `subject` is a member's id, an operator's address, or "program"."""

    check: str
    subject: str
    ledger: int
    chain: int


@dataclass(frozen=True, slots=True)
class LaneBooks:
    """What an operator has settled: its newest final batch, its transactions in final blocks, the first nonce it used."""

    number: int
    operator: str
    seq: int
    next_nonce: int


@dataclass(frozen=True, slots=True)
class AccountBooks:
    """A member's final entries, with what they did on the chain themselves; and of all entries the sum beside the cached
    balance.
    """

    member_id: str
    address: str
    settled: int
    entries: int
    balance: int


@dataclass(frozen=True, slots=True)
class Books:
    """All of it as of one final block. `by_kind`: Σ points of final entries. `batches_without_event`: final ones whose
    `BatchSettled` is not exactly once among the events that were read, with the same root."""

    block_number: int
    block_hash: str
    by_kind: Mapping[EntryKind, int]
    lanes: tuple[LaneBooks, ...]
    accounts: tuple[AccountBooks, ...]
    batches_without_event: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A comparison that was made."""

    created_at: datetime
    block_number: int
    accounts: int
    last_member: str | None
    mismatches: tuple[Mapping[str, Any], ...]


def read_books(store: Store, after: str, limit: int) -> Books:
    """The books now, with up to `limit` members behind `after` in the order of their ids."""
    with store.read() as connection:
        final = connection.execute(select(cursors.c.number, cursors.c.hash).where(cursors.c.name == "final")).one()
        return Books(
            block_number=final.number,
            block_hash=final.hash,
            by_kind=_by_kind(connection),
            lanes=_lanes(connection),
            accounts=_accounts(connection, after, limit),
            batches_without_event=_batches_without_event(connection),
        )


def last_reconciliation(store: Store) -> Reconciliation | None:
    """The newest one."""
    columns = reconciliations.c
    query = select(
        columns.created_at, columns.block_number, columns.accounts, columns.last_member, columns.mismatches
    ).order_by(columns.seq.desc())
    with store.read() as connection:
        row = connection.execute(query.limit(1)).first()
    return None if row is None else Reconciliation(*row[:4], tuple(row[4]))


def last_agreement(store: Store) -> datetime | None:
    """When nothing differed last, among the newest hundred."""
    columns = reconciliations.c
    query = select(columns.created_at, columns.mismatches).order_by(columns.seq.desc()).limit(100)
    with store.read() as connection:
        return next((row.created_at for row in connection.execute(query) if not row.mismatches), None)


def note_reconciliation(
    connection: Connection, books: Books, at: datetime, last_member: str | None, found: list[dict[str, Any]]
) -> None:
    """Keeps what was compared."""
    connection.execute(
        insert(reconciliations).values(
            created_at=at,
            block_number=books.block_number,
            block_hash=books.block_hash,
            accounts=len(books.accounts),
            last_member=last_member,
            mismatches=found,
        )
    )


def _by_kind(connection: Connection) -> dict[EntryKind, int]:
    columns = leaves.c
    query = select(columns.kind, func.sum(columns.amount)).where(columns.state == "final").group_by(columns.kind)
    return {EntryKind(kind): int(points) for kind, points in connection.execute(query) if kind != EntryKind.FACT}


def _lanes(connection: Connection) -> tuple[LaneBooks, ...]:
    seq = (
        select(func.coalesce(func.max(batches.c.seq), 0))
        .where(batches.c.operator == lanes.c.operator, batches.c.state == "final")
        .scalar_subquery()
    )
    nonce = (
        select(func.coalesce(func.max(transactions.c.nonce) + 1, 0))
        .where(transactions.c.operator == lanes.c.operator, transactions.c.state.in_(("final", "reverted", "foreign")))
        .scalar_subquery()
    )
    query = select(lanes.c.number, lanes.c.operator, seq, nonce).order_by(lanes.c.number)
    return tuple(LaneBooks(*row) for row in connection.execute(query))


def _accounts(connection: Connection, after: str, limit: int) -> tuple[AccountBooks, ...]:
    chosen = (
        select(members.c.id, members.c.address, (members.c.available + members.c.held).label("balance"))
        .where(members.c.id > after)
        .order_by(members.c.id)
        .limit(limit)
        .subquery()
    )
    signed = case((leaves.c.kind.in_([int(kind) for kind in CREDIT_KINDS]), leaves.c.amount), else_=-leaves.c.amount)
    settled = (
        select(func.coalesce(func.sum(signed), 0))
        .where(leaves.c.member_id == chosen.c.id, leaves.c.state == "final", leaves.c.kind != int(EntryKind.FACT))
        .scalar_subquery()
    )
    elsewhere = (
        select(func.coalesce(func.sum(entries.c.points), 0))
        .join(wallet_events, wallet_events.c.entry_id == entries.c.id)
        .where(wallet_events.c.member_id == chosen.c.id)
        .scalar_subquery()
    )
    columns = wallet_events.c
    untold = (  # spent there, and waiting to be posted here
        select(func.coalesce(func.sum(columns.arguments["amount"].as_integer()), 0))
        .where(columns.member_id == chosen.c.id, columns.state == "waits", columns.name == REDEEMED)
        .scalar_subquery()
    )
    posted = select(func.coalesce(func.sum(entries.c.points), 0)).where(entries.c.member_id == chosen.c.id)
    query = select(
        chosen.c.id, chosen.c.address, settled + elsewhere - untold, posted.scalar_subquery(), chosen.c.balance
    )
    rows = connection.execute(query.order_by(chosen.c.id))
    return tuple(AccountBooks(row[0], row[1], int(row[2]), int(row[3]), int(row[4])) for row in rows)


def _batches_without_event(connection: Connection) -> dict[str, int]:
    """By operator."""
    columns, events = batches.c, chain_events.c
    event = events.arguments
    same = (
        (events.name == "BatchSettled")
        & (events.block_hash == columns.block_hash)
        & (event["operator"].as_string() == columns.operator)
        & (event["seq"].as_integer() == columns.seq)
        & (event["receipts_root"].as_string() == columns.receipts_root)
    )
    told = select(func.count()).select_from(chain_events).where(same).scalar_subquery()
    query = select(columns.operator, func.count()).where(columns.state == "final", told != 1).group_by(columns.operator)
    return {operator: int(count) for operator, count in connection.execute(query)}
