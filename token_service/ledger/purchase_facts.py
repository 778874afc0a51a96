"""The facts that rate a purchase: the basket, the member just before it, the visit. And the member's history that
gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from token_service.ledger import tables
from token_service.ledger.accounts import Account
from token_service.ledger.staged import PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.program.facts import (
    ItemFacts,
    MemberFacts,
    PurchaseFacts,
    local_time,
    member_age_days,
    next_visit,
)
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Qualification, tier_at


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
        ),
        visit=next_visit(last_purchase(tx, account), local),
    )


def history(tx: Transaction, account: Account) -> dict[str, Qualification]:
    """What the member's purchases count for in tiers, by purchase."""
    if account.history is None:
        columns = tables.purchases.c
        query = select(
            columns.operation_id,
            columns.occurred_at,
            columns.tier_spend_cents,
            columns.tier_points,
            columns.tier_orders,
        ).where(columns.member_id == account.id)
        account.history = {
            row[0]: Qualification(at=row[1], spend=row[2], points=row[3], orders=row[4])
            for row in tx.connection.execute(query)
        }
        for state in (*tx.staged.purchases, *tx.staged.changed_purchases):
            if state.member_id == account.id:
                count_in_history(account, state)
    return account.history


def day_points(tx: Transaction, account: Account, local_date: str) -> int:
    """What the member's purchases of a local date keep so far."""
    if local_date not in account.day_points:
        columns = tables.purchases.c
        query = select(func.coalesce(func.sum(columns.kept), 0)).where(
            columns.member_id == account.id, columns.local_date == local_date
        )
        account.day_points[local_date] = int(tx.connection.execute(query).scalar_one())
    return account.day_points[local_date]


def last_purchase(tx: Transaction, account: Account) -> PurchaseFacts | None:
    """The facts of the member's purchase recorded last."""
    if not account.last_purchase_is_loaded:
        columns = tables.operations.c
        query = select(columns.facts).where(columns.member_id == account.id, columns.kind == "purchase")
        found = tx.connection.execute(query.order_by(columns.seq.desc()).limit(1)).scalar_one_or_none()
        account.last_purchase = None if found is None else PurchaseFacts.from_json(found)
        account.last_purchase_is_loaded = True
    return account.last_purchase


def remember(account: Account, facts: PurchaseFacts, state: PurchaseState) -> None:
    """Keeps the account's history up to date within the transaction."""
    account.last_purchase, account.last_purchase_is_loaded = facts, True
    account.day_points[state.local_date] = account.day_points.get(state.local_date, 0) + state.kept
    count_in_history(account, state)


def count_in_history(account: Account, state: PurchaseState) -> None:
    """Puts a purchase's present worth into the history, if that was read."""
    if account.history is not None:
        account.history[state.operation_id] = Qualification(
            at=state.occurred_at, spend=state.tier_spend_cents, points=state.tier_points, orders=state.tier_orders
        )
