"""What was issued or put right by hand, counted in the days' limits (program/manual.py); with what replays it from the sources.

An issuance that counts has a row beside purchases' and events', so the member's day is one sum; it counts for no level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from token_service.ledger import campaign_uses, tables
from token_service.ledger.accounts import Account
from token_service.ledger.purchase_facts import day_points
from token_service.ledger.purchase_views import purchase_state
from token_service.ledger.staged import CampaignUse, Operation, PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.program.facts import local_time
from token_service.program.manual import (
    ByHand,
    check_adjusted_alone,
    check_imported_alone,
    check_issued_by_hand,
    held_alone,
    held_by_hand,
)
from token_service.program.ruleset import Ruleset


def check_issuance(tx: Transaction, account: Account, ruleset: Ruleset, given: ByHand) -> None:
    """Raises LimitExceeded. What it looks at is locked until the commit."""
    points = day_points(tx, account, given.date) if ruleset.limits.count_manual else 0
    check_issued_by_hand(ruleset, given, day_points=points, left=lambda budget: campaign_uses.left(tx, budget))


def check_adjustment(tx: Transaction, ruleset: Ruleset, points: int, *, actor: str) -> None:
    """Raises ApprovalNeeded when one person may not do this alone."""
    check_adjusted_alone(
        ruleset,
        points,
        date=local_date(ruleset, tx),
        actor=actor,
        left=lambda budget: campaign_uses.left(tx, budget),
    )


def check_import(tx: Transaction, ruleset: Ruleset, points: int, *, to_come: int, actor: str) -> None:
    """Raises ApprovalNeeded when one person may not bring in a file with so many points alone."""
    check_imported_alone(
        ruleset,
        points,
        to_come=to_come,
        date=local_date(ruleset, tx),
        actor=actor,
        left=lambda budget: campaign_uses.left(tx, budget),
    )


def local_date(ruleset: Ruleset, tx: Transaction) -> str:
    """Today on the programme's clock."""
    return local_time(tx.now, ruleset.program.time_zone).date


def count_issuance(tx: Transaction, account: Account, issuance: Operation) -> None:
    """Counts a new issuance in the days that it comes under."""
    ruleset = tx.ruleset(issuance.ruleset_hash)
    state = issued_state(ruleset, issuance, ())
    if state is not None:
        tx.staged.purchases.append(state)
        account.day_points[state.local_date] = day_points(tx, account, state.local_date) + state.kept
    _use(tx, issuance, issued_uses(ruleset, issuance, ()))


def count_adjustment(tx: Transaction, adjustment: Operation) -> None:
    """Counts an adjustment in the day of who made it alone."""
    _use(tx, adjustment, adjusted_uses(tx.ruleset(adjustment.ruleset_hash), adjustment))


def _use(tx: Transaction, operation: Operation, held: dict[str, int]) -> None:
    for name, points in held.items():
        tx.staged.campaign_uses.append(campaign_uses.use_of(operation, name, operation.occurred_at, points))
        tx.campaign_points[name] = tx.campaign_points.get(name, 0) + points


def count_taken_back(tx: Transaction, account: Account, issuance: Operation, reversals: Sequence[Operation]) -> None:
    """After a reversal, the last of `reversals`: what was taken back makes room in the days again."""
    ruleset = tx.ruleset(issuance.ruleset_hash)
    state = issued_state(ruleset, issuance, reversals)
    if state is None:
        return
    before = purchase_state(tx, issuance.id)
    tx.staged.changed_purchases.append(state)
    date = state.local_date
    account.day_points[date] = day_points(tx, account, date) - (before.kept - state.kept)
    held = issued_uses(ruleset, issuance, reversals)
    uses = tables.campaign_uses.c
    for row in tx.connection.execute(select(tables.campaign_uses).where(uses.operation_id == issuance.id)):
        points = held[row.campaign_id]
        if points < row.points:
            tx.staged.changed_campaign_uses.append(replace(CampaignUse(*row), points=points))
            tx.campaign_points[row.campaign_id] = tx.campaign_points.get(row.campaign_id, 0) + points - row.points


def issued_state(ruleset: Ruleset, issuance: Operation, reversals: Sequence[Operation]) -> PurchaseState | None:
    """What the sources say that an issuance keeps of the member's day; None where its rules don't count it."""
    if not ruleset.limits.count_manual:
        return None
    return PurchaseState(
        operation_id=issuance.id,
        member_id=issuance.member_id,
        occurred_at=issuance.occurred_at,
        local_date=_given(ruleset, issuance).date,
        awarded=issuance.facts["points"],
        kept=_kept(issuance, reversals),
        taken=sum(one.result["reversed"] + one.result["debt"] for one in reversals),
        refunded_cents=0,
        tier_spend_cents=0,
        tier_points=0,
        tier_orders=0,
    )


def issued_uses(ruleset: Ruleset, issuance: Operation, reversals: Sequence[Operation]) -> dict[str, int]:
    """What the sources say that an issuance holds of the days' limits."""
    return held_by_hand(ruleset, _given(ruleset, issuance), _kept(issuance, reversals))


def adjusted_uses(ruleset: Ruleset, adjustment: Operation) -> dict[str, int]:
    """What the sources say that an adjustment holds of the day of who made it; nothing if somebody else approved it."""
    facts = adjustment.facts
    if "approved_by" in facts:
        return {}
    date = local_time(adjustment.occurred_at, ruleset.program.time_zone).date
    return held_alone(ruleset, facts["points"], date=date, actor=facts["actor"])


def _given(ruleset: Ruleset, issuance: Operation) -> ByHand:
    facts, date = issuance.facts, local_time(issuance.occurred_at, ruleset.program.time_zone).date
    return ByHand(issuance.merchant_id, date, facts.get("actor", ""), facts["points"])


def _kept(issuance: Operation, reversals: Sequence[Operation]) -> int:
    return int(issuance.facts["points"] - sum(one.facts["points"] for one in reversals))
