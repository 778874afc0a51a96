"""Holds as rows: what is set aside of which lots, cached from the facts `held` and `released` and from redemptions of holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from token_service.errors import Conflict
from token_service.ledger import operations, stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.hold_tables import holds
from token_service.ledger.posting import fact
from token_service.ledger.staged import HoldState, Operation
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind

Parts = tuple[tuple[str, int], ...]
"""Points of lots, in the order in which they are used."""
OPEN: Final = "open"


def hold_state(tx: Transaction, hold_id: str) -> HoldState:
    """The hold as it stands, with what this transaction staged."""
    for state in (*reversed(tx.staged.changed_holds), *tx.staged.holds):
        if state.operation_id == hold_id:
            return state
    row = tx.connection.execute(select(holds).where(holds.c.operation_id == hold_id)).one()
    return state_of(dict(row._mapping))


def state_of(values: Mapping[str, Any]) -> HoldState:
    """A row of `holds`."""
    return HoldState(**{name: values[name] for name in HoldState.__slots__})


def parts_of(state: HoldState) -> Parts:
    """What the hold still sets aside."""
    return tuple((str(lot_id), int(points)) for lot_id, points in state.lots)


def set_aside(tx: Transaction, account: Account, parts: Iterable[tuple[str, int]], sign: int) -> None:
    """Sets these points of lots aside (+1) or frees them (−1), in the account's figures too."""
    for lot_id, points in parts:
        stored_lots.lots_named(tx, account, [lot_id])
        stored = account.lots[lot_id]
        account.lots[lot_id] = replace(stored, held=stored.held + sign * points)
        account.changed_lots.add(lot_id)
        account.held += sign * points
        account.available -= sign * points
        account.is_changed = True


def free(tx: Transaction, account: Account, hold: Operation, state: HoldState, *, because: str) -> HoldState:
    """The hold after all that it still sets aside is free again; a fact says so."""
    parts = parts_of(state)
    set_aside(tx, account, parts, -1)
    points = sum(points for _, points in parts)
    more = {"because": because, "points_freed": points, "set_aside": lots_said(parts)}
    fact(tx, account, "released", operation=hold, more=more)
    return replace(state, lots=[])


def lapse(tx: Transaction, hold: Operation) -> bool:
    """Whether the hold, whose time is over, was freed now."""
    state = hold_state(tx, hold.id)
    if state.state != OPEN:  # ended while this run waited for the member
        return False
    hold.parts = operations.parts_of(tx, hold)
    freed = free(tx, tx.account(hold.member_id), hold, state, because="expired")
    tx.staged.changed_holds.append(replace(freed, state="expired"))
    return True


def free_lapsed(tx: Transaction, account: Account) -> None:
    """Frees what holds of this member set aside whose time is over, before something else is decided on what is free."""
    if not account.held:
        return
    columns = holds.c
    query = select(columns.operation_id).where(
        columns.member_id == account.id, columns.state == OPEN, columns.expires_at <= tx.now
    )
    ids = list(tx.connection.execute(query.order_by(columns.operation_id)).scalars())
    for hold in operations.loaded(tx, ids).values():
        lapse(tx, hold)


def check_nothing_held(tx: Transaction, account: Account) -> None:
    """Frees what has lapsed. Raises Conflict (`held`, in points) while anything is still set aside."""
    free_lapsed(tx, account)
    if account.held:
        raise Conflict("points are set aside: capture or release the holds first", held=account.held)


def forget_holds(tx: Transaction, account: Account) -> None:
    """Frees what is set aside, in the cached figures alone: for whoever posts again what may have ended holds, then rebuilds."""
    if not account.held:
        return
    stored_lots.open_lots(tx, account)
    for lot_id, stored in account.lots.items():
        if stored.held:
            account.lots[lot_id] = replace(stored, held=0)
            account.changed_lots.add(lot_id)
    account.available, account.held, account.is_changed = account.balance, 0, True


def lots_said(parts: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Parts, as a detail says them."""
    return [{"lot": lot_id, "points": points} for lot_id, points in parts]


def replayed_holds(tx: Transaction, member_id: str, done: Sequence[Operation]) -> dict[str, HoldState]:
    """The member's holds from the facts and entries alone."""
    facts, entries = tables.facts.c, tables.entries.c
    query = select(facts.operation_id, facts.kind, facts.detail).where(
        facts.member_id == member_id, facts.kind.in_(("held", "released"))
    )
    states: dict[str, HoldState] = {}
    left: dict[str, dict[str, int]] = {}
    for operation_id, kind, text in tx.connection.execute(query.order_by(facts.seq)):
        detail = json.loads(text)
        if kind == "held":
            given = {part["lot"]: part["points"] for part in detail["set_aside"]}
            until = datetime.fromisoformat(detail["until"])
            states[operation_id] = HoldState(operation_id, member_id, sum(given.values()), 0, until, OPEN, [])
            left[operation_id] = given
        else:
            states[operation_id] = replace(states[operation_id], state=detail["because"])
            left[operation_id] = {}
    redemptions = {one.id: one.parent_id for one in done if one.kind == "redemption" and one.parent_id in states}
    query = select(entries.operation_id, entries.points).where(
        entries.operation_id.in_(redemptions), entries.kind == int(EntryKind.REDEMPTION), entries.voids.is_(None)
    )
    for row in tx.connection.execute(query).all():
        hold_id = str(redemptions[row.operation_id])
        states[hold_id] = replace(states[hold_id], captured=-int(row.points), state="captured")
        left[hold_id] = {}
    return {
        hold_id: replace(state, lots=[list(part) for part in left[hold_id].items()] if state.state == OPEN else [])
        for hold_id, state in states.items()
    }
