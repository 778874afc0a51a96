"""The facts that rate a purchase: the basket, the member just before it, the visit. And the member's history that
gives them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, literal_column, select

from token_service.ledger import direct, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.balances import surroundings_of, surroundings_query
from token_service.ledger.membership_rows import held_ids
from token_service.ledger.operations import HAS_BACKLOG, IS_NAMED
from token_service.ledger.staged import PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.ledger.visit_rows import VISITED, count_visit, remember_visited, visited
from token_service.program.facts import (
    ItemFacts,
    LocalTime,
    MemberFacts,
    PurchaseFacts,
    VisitFacts,
    local_time,
    member_age_days,
)
from token_service.program.limits import recent_orders
from token_service.program.ruleset import Ruleset
from token_service.program.segments import declared
from token_service.program.tiers import Qualification, tier_at
from token_service.program.visits import LastVisit, visit_of

_purchases, _operations = tables.purchases.c, tables.operations.c
_QUALIFICATIONS: Final = select(
    _purchases.operation_id,
    _purchases.occurred_at,
    _purchases.tier_spend_cents,
    _purchases.tier_points,
    _purchases.tier_orders,
    _purchases.tier_engagement,
)
_HISTORY: Final = _QUALIFICATIONS.where(_purchases.member_id == bindparam("member_id"))
_HISTORIES: Final = _QUALIFICATIONS.add_columns(_purchases.member_id).where(among(_purchases.member_id, "member_ids"))
_DAY_POINTS: Final = select(func.coalesce(func.sum(_purchases.kept), 0)).where(
    _purchases.member_id == bindparam("member_id"), _purchases.local_date == bindparam("local_date")
)
_LAST_FACTS: Final = (
    select(_operations.facts)
    .where(_operations.member_id == bindparam("member_id"), _operations.kind == literal_column("'purchase'"))
    .order_by(_operations.seq.desc())
    .limit(1)
)
_LAST_OF_MANY: Final = select(
    tables.members.c.id,
    select(_operations.facts)
    .where(_operations.member_id == tables.members.c.id, _operations.kind == literal_column("'purchase'"))
    .order_by(_operations.seq.desc())
    .limit(1)
    .scalar_subquery()
    .label("last_facts"),
).where(among(tables.members.c.id, "member_ids"))
_DAYS_OF_MANY: Final = (
    select(_purchases.member_id, _purchases.local_date, func.sum(_purchases.kept))
    .where(
        among(_purchases.member_id, "member_ids"),
        among(_purchases.local_date, "local_dates"),
    )
    .group_by(_purchases.member_id, _purchases.local_date)
)
_ASKED_AHEAD: Final = (
    IS_NAMED.label("is_named"),
    HAS_BACKLOG.label("has_backlog"),
    _DAY_POINTS.scalar_subquery().label("day_points"),
    _LAST_FACTS.scalar_subquery().label("last_facts"),
)
_AHEAD: Final = surroundings_query(*_ASKED_AHEAD)
_AHEAD_WITH_VISITS: Final = surroundings_query(*_ASKED_AHEAD, VISITED)


@dataclass(frozen=True, slots=True)
class Basket:
    """What the till said, checked."""

    occurred_at: datetime
    currency: str
    total: int
    tax: int
    shipping: int
    discount: int
    paid_with_points: int
    items: tuple[ItemFacts, ...]
    channel: str | None
    store: str | None
    merchant: str
    paid_by: str | None = None


def read_ahead(
    tx: Transaction, account: Account, ruleset: Ruleset, *, local_date: str, merchant_id: str, reference: str
) -> None:
    """Asks at once what a purchase on that date will ask of the locked member and of its reference, and what surrounds the
    balance that it will answer.
    """
    if account.last_purchase_is_loaded and local_date in account.day_points:
        return
    asked = {
        "merchant_id": merchant_id,
        "kind": "purchase",
        "reference": reference,
        "limit": tx.context.backlog_limit,
        "member_id": account.id,
        "local_date": local_date,
    }
    rows = direct.ask(tx.connection, _AHEAD if ruleset.visits is None else _AHEAD_WITH_VISITS, asked)
    if ruleset.visits is not None and account.visited is None:
        remember_visited(tx, account, rows)
    row, account.surroundings = rows[0], surroundings_of(rows)
    if not row.is_named:
        tx.unknown_references.add((merchant_id, "purchase", reference))
    tx.backlog_is_checked = tx.backlog_is_checked or not row.has_backlog
    account.day_points.setdefault(local_date, int(row.day_points))
    if not account.last_purchase_is_loaded:
        _remember_last(account, row.last_facts)


def read_ahead_many(tx: Transaction, accounts: Sequence[Account], local_dates: Iterable[str]) -> None:
    """What purchases of these locked members on these dates will ask, in two queries; answers of a batch show no balance."""
    unread = {account.id: account for account in accounts if not account.last_purchase_is_loaded}
    dates = sorted(set(local_dates))
    if not unread or not dates:
        return
    for row in direct.ask(tx.connection, _LAST_OF_MANY, {"member_ids": list(unread)}):
        _remember_last(unread[row.id], row.last_facts)
    read_days(tx, list(unread.values()), dates)


def read_days(tx: Transaction, accounts: Sequence[Account], local_dates: Sequence[str]) -> None:
    """`day_points` of these locked members on these dates, before anything is staged for them."""
    by_id = {account.id: account for account in accounts}
    for account in accounts:
        account.day_points |= {date: account.day_points.get(date, 0) for date in local_dates}
    asked = {"member_ids": list(by_id), "local_dates": list(local_dates)}
    for member_id, date, points in direct.ask(tx.connection, _DAYS_OF_MANY, asked):
        by_id[member_id].day_points[date] = int(points)


def facts_of(tx: Transaction, account: Account, ruleset: Ruleset, basket: Basket) -> PurchaseFacts:
    """All that the rules may read of this purchase."""
    time_zone = ruleset.program.time_zone
    local = local_time(basket.occurred_at, time_zone)
    tier = None
    if ruleset.tiers is not None:
        tier = tier_at(ruleset, history(tx, account).values(), basket.occurred_at)
    return PurchaseFacts(
        occurred_at=basket.occurred_at,
        local=local,
        currency=basket.currency,
        total=basket.total,
        tax=basket.tax,
        shipping=basket.shipping,
        discount=basket.discount,
        paid_with_points=basket.paid_with_points,
        items=basket.items,
        channel=basket.channel,
        store=basket.store,
        merchant=basket.merchant,
        member=MemberFacts(
            tier=tier,
            age_days=member_age_days(account.created_at, basket.occurred_at, time_zone),
            purchases=account.purchase_count,
            day_points=day_points(tx, account, local.date),
            memberships=held_ids(tx, account, ruleset, basket.occurred_at),
            segments=declared(ruleset, segments_of(account)),
            recent=None
            if ruleset.limits.velocity is None
            else recent_orders(ruleset, history(tx, account).values(), basket.occurred_at),
        ),
        visit=_visit(tx, account, ruleset, basket.occurred_at, local),
        paid_by=basket.paid_by,
    )


def segments_of(account: Account) -> tuple[str, ...]:
    """The ids of the segments that the member is in, sorted; perhaps more than the rules of today declare."""
    return tuple((account.segments or "").split())


def last_visit(tx: Transaction, account: Account) -> LastVisit | None:
    """The member's last visit; None before the first one."""
    if account.carried_visit is not None:
        return LastVisit.from_json(json.loads(account.carried_visit))
    last = last_purchase(tx, account)
    return None if last is None else LastVisit(last.local.date, last.visit)


def _visit(tx: Transaction, account: Account, ruleset: Ruleset, at: datetime, local: LocalTime) -> VisitFacts:
    if ruleset.visits is None:
        return visit_of(ruleset, last_visit(tx, account), (), at, local)
    return visit_of(ruleset, None, visited(tx, account), at, local)


def history(tx: Transaction, account: Account) -> dict[str, Qualification]:
    """What the member's purchases and events count for in tiers, by operation."""
    if account.history is None:
        account.history = {
            row[0]: Qualification(*row[1:6]) for row in direct.ask(tx.connection, _HISTORY, {"member_id": account.id})
        }
        for state in (*tx.staged.purchases, *tx.staged.changed_purchases):
            if state.member_id == account.id:
                count_in_history(account, state)
    return account.history


def read_histories(tx: Transaction, accounts: Iterable[Account]) -> None:
    """`history` of many members in one query, before anything is staged for them."""
    unread = {account.id: account for account in accounts if account.history is None}
    for account in unread.values():
        account.history = {}
    for row in direct.ask(tx.connection, _HISTORIES, {"member_ids": list(unread)}):
        history_of = unread[row.member_id].history
        assert history_of is not None
        history_of[row.operation_id] = Qualification(*row[1:6])


def day_points(tx: Transaction, account: Account, local_date: str) -> int:
    """What the member's purchases and events of a local date keep so far."""
    if local_date not in account.day_points:
        asked = {"member_id": account.id, "local_date": local_date}
        account.day_points[local_date] = int(tx.connection.execute(_DAY_POINTS, asked).scalar_one())
    return account.day_points[local_date]


def last_purchase(tx: Transaction, account: Account) -> PurchaseFacts | None:
    """The facts of the member's purchase recorded last."""
    if not account.last_purchase_is_loaded:
        _remember_last(account, tx.connection.execute(_LAST_FACTS, {"member_id": account.id}).scalar_one_or_none())
    return account.last_purchase


def _remember_last(account: Account, facts: Mapping[str, Any] | None) -> None:
    account.last_purchase = None if facts is None else PurchaseFacts.from_json(facts)
    account.last_purchase_is_loaded = True


def remember(account: Account, facts: PurchaseFacts, state: PurchaseState) -> None:
    """Keeps the account's history up to date within the transaction."""
    account.last_purchase, account.last_purchase_is_loaded, account.carried_visit = facts, True, None
    count_visit(account, facts)
    count(account, state)


def count(account: Account, state: PurchaseState) -> None:
    """Adds what a purchase or an event keeps to its day, and to the history if that was read."""
    account.day_points[state.local_date] = account.day_points.get(state.local_date, 0) + state.kept
    count_in_history(account, state)


def count_in_history(account: Account, state: PurchaseState) -> None:
    """Puts a purchase's present worth into the history, if that was read."""
    if account.history is not None:
        account.history[state.operation_id] = Qualification(
            at=state.occurred_at,
            spend=state.tier_spend_cents,
            points=state.tier_points,
            orders=state.tier_orders,
            engagement=state.tier_engagement,
        )
