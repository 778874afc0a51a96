"""Limits of campaigns in the ledger: what members had of each, and what budgets have left (docs/rulesets.md).

A campaign is known by its id, from one ruleset to the next: the same id goes on with the same budget. A limit on everybody's day
(program/caps.py) is a budget like theirs, known by the day and whose it is. Whoever spends of a budget
locks its row until the commit, members' rows first; so a budget is never exceeded, and a refund gives back what it held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import case, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from token_service.ledger import direct, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.staged import CampaignUse, Operation
from token_service.ledger.transaction import Transaction
from token_service.program import events
from token_service.program.campaign_uses import decide_within_limits, points_used
from token_service.program.caps import Budget
from token_service.program.earning import Award
from token_service.program.event_facts import EventFacts
from token_service.program.facts import PurchaseFacts
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Campaign

EventUses = dict[str, list[events.RuleUse]]
_uses, _budgets = tables.campaign_uses.c, tables.campaign_budgets.c
_OF_MANY: Final = select(_uses.member_id, _uses.campaign_id, _uses.occurred_at, _uses.subject).where(
    among(_uses.member_id, "member_ids"), among(_uses.campaign_id, "rule_ids"), _uses.points > literal_column("0")
)


def decide(tx: Transaction, account: Account, ruleset: Ruleset, facts: PurchaseFacts) -> tuple[PurchaseFacts, Award]:
    """What the purchase earns, and its facts with what the limited campaigns that would give something had left."""
    return decide_within_limits(
        ruleset, facts, lambda campaigns: _used_by(tx, account, campaigns), lambda budget: left(tx, budget)
    )


def use(tx: Transaction, operation: Operation, facts: PurchaseFacts, award: Award) -> None:
    """Counts what a purchase was given of limited campaigns."""
    for campaign_id, points in points_used(facts, award).items():
        tx.staged.campaign_uses.append(use_of(operation, campaign_id, facts.occurred_at, points))
        tx.campaign_points[campaign_id] = tx.campaign_points.get(campaign_id, 0) + points


def use_event(tx: Transaction, operation: Operation, ruleset: Ruleset, facts: EventFacts, award: Award) -> None:
    """Counts what an event was given of limited rules."""
    for rule_id, points in events.points_used(ruleset, facts, award).items():
        tx.staged.campaign_uses.append(use_of(operation, rule_id, facts.occurred_at, points, facts.subject))
        tx.campaign_points[rule_id] = tx.campaign_points.get(rule_id, 0) + points


def use_of(
    operation: Operation, campaign_id: str, occurred_at: datetime, points: int, subject: str | None = None
) -> CampaignUse:
    """The row of one operation's use of one campaign or rule."""
    key = f"{operation.id}/{campaign_id}"
    return CampaignUse(key, operation.id, operation.member_id, campaign_id, occurred_at, points, subject)


def give_event_back(tx: Transaction, event: Operation) -> None:
    """Gives back all that an event holds of limited rules."""
    for row in tx.connection.execute(select(tables.campaign_uses).where(_uses.operation_id == event.id)):
        tx.staged.changed_campaign_uses.append(replace(CampaignUse(*row), points=0))
        tx.campaign_points[row.campaign_id] = tx.campaign_points.get(row.campaign_id, 0) - row.points


def event_uses(tx: Transaction, account: Account, rule_ids: Sequence[str]) -> EventUses:
    """When the member's events had something of these rules and challenges, and what they were about."""
    if any(rule_id not in account.event_uses for rule_id in rule_ids):
        read_event_uses(tx, [account], rule_ids)
    found: EventUses = {rule_id: list(account.event_uses[rule_id]) for rule_id in rule_ids}
    for staged in tx.staged.campaign_uses:
        if staged.member_id == account.id and staged.campaign_id in found:
            found[staged.campaign_id].append(events.RuleUse(staged.occurred_at, staged.subject))
    return found


def read_event_uses(tx: Transaction, accounts: Sequence[Account], rule_ids: Sequence[str]) -> None:
    """What the ledger knows of these members' uses of these rules, in one query; what is staged is not kept there."""
    by_id = {account.id: account for account in accounts}
    if not rule_ids or not by_id:
        return
    for account in accounts:
        account.event_uses |= {rule_id: [] for rule_id in rule_ids}
    asked = {"member_ids": list(by_id), "rule_ids": list(rule_ids)}
    for member_id, rule_id, at, subject in direct.ask(tx.connection, _OF_MANY, asked):
        by_id[member_id].event_uses[rule_id].append(events.RuleUse(at, subject))


def give_back(tx: Transaction, purchase: Operation, facts: PurchaseFacts, kept: Award) -> None:
    """Gives back what a purchase no longer holds after a refund: points to the budget, and the use once it holds none."""
    if not facts.campaigns and not facts.caps:
        return
    holds = points_used(facts, kept)
    for row in tx.connection.execute(select(tables.campaign_uses).where(_uses.operation_id == purchase.id)):
        points = min(row.points, holds.get(row.campaign_id, 0))
        if points < row.points:
            tx.staged.changed_campaign_uses.append(replace(CampaignUse(*row), points=points))
            tx.campaign_points[row.campaign_id] = tx.campaign_points.get(row.campaign_id, 0) + points - row.points


def write_uses(tx: Transaction) -> None:
    """Writes what this transaction used and gave back."""
    direct.append(
        tx.connection,
        tables.campaign_uses,
        [{name: getattr(row, name) for name in CampaignUse.__slots__} for row in tx.staged.campaign_uses],
    )
    for row in tx.staged.changed_campaign_uses:
        here = update(tables.campaign_uses).where(_uses.id == row.id)
        tx.connection.execute(here.values(points=row.points))
    for campaign_id, points in sorted(tx.campaign_points.items()):
        if points:
            tx.connection.execute(_adding(tx, campaign_id, points))


def used_points(tx: Transaction, campaign_ids: Sequence[str]) -> dict[str, int]:
    """What each campaign has given so far."""
    query = select(_budgets.campaign_id, _budgets.used_points).where(_budgets.campaign_id.in_(campaign_ids))
    found = {campaign_id: int(points) for campaign_id, points in tx.connection.execute(query)}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


def rebuild_budgets(tx: Transaction) -> None:
    """Sums the budgets up again from the uses."""
    tx.connection.execute(tables.campaign_budgets.delete())
    sums = select(_uses.campaign_id, func.sum(_uses.points)).group_by(_uses.campaign_id)
    tx.connection.execute(tables.campaign_budgets.insert().from_select(["campaign_id", "used_points"], sums))


def budget_differences(tx: Transaction) -> list[str]:
    """Where a budget's sum is not that of its uses, a sentence each."""
    sums = select(_uses.campaign_id, func.sum(_uses.points)).group_by(_uses.campaign_id)
    right = {campaign_id: int(points) for campaign_id, points in tx.connection.execute(sums) if points}
    stored = {row.campaign_id: row.used_points for row in tx.connection.execute(select(tables.campaign_budgets))}
    return [
        f"campaign {campaign_id}: {stored.get(campaign_id, 0)} points used, the sources say {right.get(campaign_id, 0)}"
        for campaign_id in sorted(right.keys() | stored.keys())
        if stored.get(campaign_id, 0) != right.get(campaign_id, 0)
    ]


def _used_by(tx: Transaction, account: Account, campaigns: Sequence[Campaign]) -> dict[str, list[datetime]]:
    ids = [campaign.id for campaign in campaigns if campaign.limits and campaign.limits.per_member]
    found: dict[str, list[datetime]] = {campaign_id: [] for campaign_id in ids}
    if not ids:
        return found
    query = select(_uses.campaign_id, _uses.occurred_at).where(
        _uses.member_id == account.id, _uses.campaign_id.in_(ids), _uses.points > 0
    )
    for campaign_id, at in tx.connection.execute(query):
        found[campaign_id].append(at)
    for staged in tx.staged.campaign_uses:
        if staged.member_id == account.id and staged.campaign_id in found:
            found[staged.campaign_id].append(staged.occurred_at)
    return found


def left(tx: Transaction, budget: Budget) -> int:
    """What the budget holds now, its row locked."""
    if budget.id not in tx.campaign_used:
        if tx.locks:
            tx.connection.execute(_adding(tx, budget.id, 0))
        query = select(_budgets.used_points).where(_budgets.campaign_id == budget.id)
        found = tx.connection.execute(query.with_for_update() if tx.locks else query).scalar_one_or_none()
        tx.campaign_used[budget.id] = int(found or 0)
    return max(0, budget.points - tx.campaign_used[budget.id] - tx.campaign_points.get(budget.id, 0))


def _adding(tx: Transaction, campaign_id: str, points: int) -> sqlite.Insert | postgresql.Insert:
    """Makes the row, or adds to it; locks it in any case. Below zero it never comes: after a repair uses may be missing."""
    new = (sqlite.insert if tx.context.store.is_sqlite else postgresql.insert)(tables.campaign_budgets).values(
        campaign_id=campaign_id, used_points=max(0, points)
    )
    total = _budgets.used_points + points
    return new.on_conflict_do_update(
        index_elements=["campaign_id"], set_={"used_points": case((total < 0, 0), else_=total)}
    )
