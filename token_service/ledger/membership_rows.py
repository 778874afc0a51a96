"""The bought periods of a member's memberships: which are held, and how they follow from the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update

from token_service.ledger import direct
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.membership_tables import member_memberships
from token_service.ledger.notices import look_by
from token_service.ledger.staged import BoughtPeriod, Operation
from token_service.ledger.transaction import Transaction
from token_service.program.event_facts import EventFacts
from token_service.program.memberships import BOUGHT, Held, Period, held_at, ids_at
from token_service.program.notices import ending_told_at
from token_service.program.ruleset import Ruleset

_bought = member_memberships.c
_OF_MANY: Final = select(member_memberships).where(among(_bought.member_id, "member_ids"))


def periods_of(tx: Transaction, account: Account) -> dict[str, Period]:
    """All that the member ever bought, by the event that says so."""
    if account.periods is None:
        read_many(tx, [account])
    assert account.periods is not None
    return account.periods


def read_many(tx: Transaction, accounts: Sequence[Account]) -> None:
    """The periods of many members in one query."""
    by_id = {account.id: account for account in accounts if account.periods is None}
    if not by_id:
        return
    found: dict[str, dict[str, Period]] = {member_id: {} for member_id in by_id}
    for row in direct.ask(tx.connection, _OF_MANY, {"member_ids": list(by_id)}):
        period = Period(row.membership, row.starts_at, row.ends_at, row.keeps_until, row.ended_at)
        found[row.member_id][row.operation_id] = period
    for member_id, periods in found.items():
        by_id[member_id].periods = periods


def held(tx: Transaction, account: Account, at: datetime) -> tuple[Held, ...]:
    """The memberships that the member holds at an instant."""
    return held_at(periods_of(tx, account).values(), at) if tx.has_memberships else ()


def held_ids(tx: Transaction, account: Account, ruleset: Ruleset, at: datetime) -> tuple[str, ...]:
    """Their ids, sorted, as a fact; nothing where the rules that decide have no memberships."""
    return ids_at(periods_of(tx, account).values(), at) if ruleset.memberships else ()


def stage_period(tx: Transaction, account: Account, event: Operation) -> None:
    """Stages the row of a bought period."""
    row = row_of(event)
    tx.staged.periods.append(row)
    periods_of(tx, account)[event.id] = period = _period(row)
    look_by(account, ending_told_at(period))


def end_period(tx: Transaction, account: Account, event_id: str) -> None:
    """Stages that the period was refunded now."""
    own = periods_of(tx, account)
    own[event_id] = replace(own[event_id], ended_at=tx.now)
    tx.staged.ended_periods.append(event_id)
    look_by(account, tx.now)  # the period before it may end soon


def write_periods(tx: Transaction) -> None:
    """Writes what this transaction sold and ended."""
    rows = [{name: getattr(row, name) for name in row.__slots__} for row in tx.staged.periods]
    direct.append(tx.connection, member_memberships, rows)
    if tx.staged.ended_periods:
        where = _bought.operation_id.in_(tx.staged.ended_periods)
        tx.connection.execute(update(member_memberships).where(where).values(ended_at=tx.now))


def row_of(event: Operation, ended_at: datetime | None = None) -> BoughtPeriod:
    """The row of the event of a bought period."""
    facts = EventFacts.from_json(event.facts).membership
    assert facts is not None
    return BoughtPeriod(
        operation_id=event.id,
        member_id=event.member_id,
        membership=facts.id,
        merchant_id=event.merchant_id,
        bought_at=event.occurred_at,
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        keeps_until=facts.keeps_until,
        paid=facts.paid,
        is_renewal=facts.is_renewal,
        ended_at=ended_at,
    )


def replayed_periods(done: Sequence[Operation]) -> dict[str, dict[str, Any]]:
    """The member's rows from operations alone."""
    ends = {one.parent_id: one.recorded_at for one in done if one.kind == "reversal"}
    rows = (row_of(one, ends.get(one.id)) for one in done if one.kind == "event" and one.facts["event"] == BOUGHT)
    return {row.operation_id: {name: getattr(row, name) for name in row.__slots__} for row in rows}


def _period(row: BoughtPeriod) -> Period:
    return Period(row.membership, row.starts_at, row.ends_at, row.keeps_until, row.ended_at)
