"""Net settlement between the merchants of a programme for a period, computed from entries alone (docs/api.md).

A redemption takes points of lots, each issued by somebody, and is accepted by somebody. A voucher is accepted by the programme
first, and by whoever honours it then. What was given back, or refused by the contract, counts the other way on its day. A gift's
issuers owe its cause the value that the gift was told to have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, FromClause, Table, and_, func, select

from token_service.errors import InvalidInput, Place
from token_service.ledger import tables
from token_service.ledger.cause_tables import causes
from token_service.ledger.context import Actor, Context
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.transaction import Transaction, read
from token_service.ledger.voucher_use_tables import undone_voucher_uses
from token_service.program.clearing import Given, Honoured, Owed, Position, owed, positions, shared_gift
from token_service.program.durations import start_of_day
from token_service.program.rewards import find_reward
from token_service.units import PROGRAM_PARTY, EntryKind

DAYS_MAX = 366
Kind = Literal["merchant", "cause"]


@dataclass(frozen=True)
class NetSettlement:
    """What was owed in a period of local days (both included), as one merchant or an admin may see it; `names` by party, of which
    `causes` are causes.
    """

    since: date
    until: date
    currency: str
    rows: tuple[Owed, ...]
    positions: tuple[Position, ...]
    names: dict[int, str]
    causes: tuple[int, ...]

    def kind(self, party: int) -> Kind:
        """What stands behind a party's number."""
        return "cause" if party in self.causes else "merchant"

    def table(self) -> list[tuple[str | int, ...]]:
        """The pairs as rows of a file, under a first one with their names."""
        days = self.since.isoformat(), self.until.isoformat()
        return [
            ("since", "until", "issuer", "acceptor", "points", "value_minor_units", "currency", "acceptor_kind"),
            *(
                (*days, self.names[row.issuer], self.names[row.acceptor], row.points, row.value, self.currency, kind)
                for row in self.rows
                for kind in [self.kind(row.acceptor)]
            ),
        ]


def net_settlement(context: Context, actor: Actor, since: date, until: date) -> NetSettlement:
    """The period's settlement: all of it for an admin, the rows that concern it for a merchant.

    Raises InvalidInput for a period that ends before it begins, or has more than 366 days.
    """
    if not 0 <= (until - since).days < DAYS_MAX:
        detail = f"must lie on or after since, at most {DAYS_MAX} days in all"
        raise InvalidInput(detail, places=(Place("/until", detail),))

    def work(tx: Transaction) -> NetSettlement:
        zone = tx.ruleset(tx.ruleset_hash_at(tx.now)).program.time_zone
        start, end = start_of_day(since, zone), start_of_day(until + timedelta(days=1), zone)
        rows = owed([*_entries(tx, start, end), *_vouchers(tx, start, end)], _gifts(tx, start, end))
        places = positions(rows)
        if not actor.is_admin:
            own = tx.merchant(actor.acting_merchant(None)).party
            rows = tuple(row for row in rows if own in (row.issuer, row.acceptor))
            places = tuple(place for place in places if place.party == own)
        merchants, given_to = _names(tx, tables.merchants), _names(tx, causes)
        return NetSettlement(since, until, tx.program.currency, rows, places, merchants | given_to, tuple(given_to))

    return read(context, work)


def _names(tx: Transaction, table: Table) -> dict[int, str]:
    named = tx.connection.execute(select(table.c.party, table.c.name).order_by(table.c.party))
    return {int(row.party): str(row.name) for row in named}


def _entries(tx: Transaction, start: datetime, end: datetime) -> Iterator[Honoured]:
    entries, uses, lots = tables.entries.c, tables.lot_uses.c, tables.lots.c
    query = (
        select(lots.party.label("issuer"), entries.party, entries.ruleset_hash, func.sum(-uses.points).label("points"))
        .join(tables.lot_uses, uses.entry_id == entries.id)
        .join(tables.lots, lots.entry_id == uses.lot_id)
        .where(
            entries.kind.in_((int(EntryKind.REDEMPTION), int(EntryKind.RESTORATION))),
            entries.recorded_at >= start,
            entries.recorded_at < end,
        )
        .group_by(lots.party, entries.party, entries.ruleset_hash)
    )
    for row in tx.connection.execute(query).all():
        yield _honoured(tx, row.issuer, row.party, int(row.points), row.ruleset_hash)


def _gifts(tx: Transaction, start: datetime, end: datetime) -> Iterator[Given]:
    """What was given to causes, and what of it the contract refused: a void brings back the very parts that the gift took."""
    entries, uses, lots, done = tables.entries.c, tables.lot_uses.c, tables.lots.c, tables.operations.c
    undone = tables.entries.alias("undone")
    query = (
        select(entries.id, entries.party, entries.voids, done.facts, lots.party.label("issuer"), uses.points)
        .select_from(tables.entries)
        .outerjoin(undone, undone.c.id == entries.voids)
        .join(tables.operations, done.id == func.coalesce(entries.operation_id, undone.c.operation_id))
        .join(tables.lot_uses, uses.entry_id == entries.id)
        .join(tables.lots, lots.entry_id == uses.lot_id)
        .where(entries.kind == int(EntryKind.DONATION), _within(entries.recorded_at, start, end))
    )
    gifts: dict[str, tuple[Any, Counter[int]]] = {}
    for row in tx.connection.execute(query):
        gifts.setdefault(row.id, (row, Counter()))[1][row.issuer] += abs(row.points)
    for gift, parts in gifts.values():
        yield from shared_gift(gift.party, gift.facts["value"], parts, sign=1 if gift.voids is None else -1)


def _vouchers(tx: Transaction, start: datetime, end: datetime) -> Iterator[Honoured]:
    """Vouchers honoured in the period: the programme, which took their points in, owes whoever did. A use that was undone counts
    on its day, and the other way on the day of the undoing. One that a challenge gave is worth the reward's price.
    """
    standing, undone = vouchers.c, undone_voucher_uses.c
    joined = undone_voucher_uses.join(vouchers, standing.id == undone.voucher_id)
    yield from _uses(tx, vouchers, standing.used_by_merchant_id, _within(standing.used_at, start, end))
    yield from _uses(tx, joined, undone.merchant_id, _within(undone.used_at, start, end))
    yield from _uses(tx, joined, undone.merchant_id, _within(undone.undone_at, start, end), sign=-1)


def _within(at: ColumnElement[datetime], start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(at >= start, at < end)


def _uses(
    tx: Transaction,
    source: FromClause,
    merchant_id: ColumnElement[str],
    is_due: ColumnElement[bool],
    *,
    sign: int = 1,
) -> Iterator[Honoured]:
    merchants, operations, entries = tables.merchants.c, tables.operations.c, tables.entries.c
    source = source.join(tables.merchants, merchants.id == merchant_id)
    source = source.join(tables.operations, operations.id == vouchers.c.operation_id)
    query = (
        select(merchants.party, entries.ruleset_hash, func.sum(-entries.points).label("points"))
        .select_from(source.join(tables.entries, entries.operation_id == operations.id))
        .where(is_due, entries.kind == int(EntryKind.REDEMPTION))
        .group_by(merchants.party, entries.ruleset_hash)
    )
    for row in tx.connection.execute(query).all():
        yield _honoured(tx, PROGRAM_PARTY, row.party, sign * int(row.points), row.ruleset_hash)
    won = (
        select(merchants.party, operations.ruleset_hash, vouchers.c.reward_id, func.count().label("times"))
        .select_from(source)
        .where(is_due, operations.kind == "event")
        .group_by(merchants.party, operations.ruleset_hash, vouchers.c.reward_id)
    )
    for row in tx.connection.execute(won).all():
        points = int(row.times) * find_reward(tx.ruleset(row.ruleset_hash), row.reward_id).points
        yield _honoured(tx, PROGRAM_PARTY, row.party, sign * points, row.ruleset_hash)


def _honoured(tx: Transaction, issuer: int, acceptor: int, points: int, ruleset_hash: str) -> Honoured:
    value = tx.ruleset(ruleset_hash).program.point_value
    return Honoured(issuer, acceptor, points, value.amount if value else 0, value.points if value else 1)
