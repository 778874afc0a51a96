"""Adjustments: a person with an admin key changes a member's points, with a reason that everybody may read (DESIGN
§3).
"""

from __future__ import annotations

from dataclasses import asdict

from token_service.errors import InsufficientBalance
from token_service.ledger import by_hand, checks, operations, stored_lots, views
from token_service.ledger.awards import pay_debts
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import free_lapsed
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.posting import change_lots, credit, sweep_expired
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.program import lots as engine
from token_service.program.expiry import expires_at
from token_service.units import EntryKind


def adjust(context: Context, actor: Actor, new: NewAdjustment) -> views.Outcome[views.Adjustment]:
    """The adjustment; the first one again when its reference is known with the same content.

    Without `merchant_id` the programme itself stands behind it. An adjustment down never takes more than is available.

    Raises Forbidden for anybody but an admin, ApprovalNeeded (proposals.py), InsufficientBalance, CeilingReached,
    ReferenceConflict, NotFound, InvalidInput, MemberFrozen, MemberLeaving.
    """
    actor.need_admin()
    return outcome(
        context, lambda tx: adjust_in(tx, actor.name, new), adjustment_view, asked_by(actor, "adjustment", new)
    )


def simulate_adjustment(
    context: Context, actor: Actor, new: NewAdjustment, *, approved_by: str | None = None
) -> views.Simulation[views.Adjustment]:
    """What `adjust` would answer now, with the balance it leads to, or the refusal; nothing is recorded. `approved_by`: as if
    somebody had approved it.

    Raises Forbidden, NotFound, InvalidInput, ReferenceConflict.
    """
    actor.need_admin()

    def member_of(tx: Transaction) -> str:
        return tx.account(new.member_id).id

    return simulated(
        context, lambda tx: adjust_in(tx, actor.name, new, approved_by=approved_by), adjustment_view, member_of
    )


def adjust_in(tx: Transaction, actor_name: str, new: NewAdjustment, *, approved_by: str | None = None) -> Done:
    """The adjustment inside the caller's transaction, by whoever is named; `approved_by` a second person."""
    merchant = tx.own_merchant if new.merchant_id is None else tx.merchant(new.merchant_id)
    account = tx.member_of(None, member_id=new.member_id, external_id=None)
    checks.reference(new.reference)
    checks.points("/points", abs(new.points))
    checks.text("/reason", new.reason)
    content = operations.content_hash(asdict(new) | {"merchant_id": merchant.id})
    first = operations.known(tx, merchant_id=merchant.id, kind="adjustment", reference=new.reference, content=content)
    if first is not None:
        return Done(first, replayed=True)
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    if approved_by is None:
        by_hand.check_adjustment(tx, ruleset, new.points, actor=actor_name)
    (operations.check_active if new.points > 0 else operations.check_spending)(account)
    approved = {} if approved_by is None else {"approved_by": approved_by}
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("adj"),
            kind="adjustment",
            merchant_id=merchant.id,
            member_id=account.id,
            reference=new.reference,
            content_hash=content,
            ruleset_hash=tx.ruleset_hash_at(tx.now),
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts={"points": new.points, "reason": new.reason, "actor": actor_name, **approved},
            result={},
        ),
    )
    by_hand.count_adjustment(tx, operation)
    more = {"reason": new.reason, "actor": actor_name, **approved}
    if new.points > 0:
        until = expires_at(tx.ruleset(operation.ruleset_hash), tx.now, account.last_activity_at)
        credit(
            tx,
            account,
            operation,
            kind=EntryKind.ADJUSTMENT_UP,
            points=new.points,
            party=merchant.party,
            expires_at=until,
            more=more,
        )
        pay_debts(tx, account)
        return Done(operation, replayed=False)
    free_lapsed(tx, account)
    at = stored_lots.consumption_time(tx)
    usable = engine.available(stored_lots.open_lots(tx, account), at)
    if usable < -new.points:
        missing = -new.points - usable
        raise InsufficientBalance("the member has fewer points", available=usable, missing_points=missing)
    sweep_expired(tx, account)
    uses = engine.consume(stored_lots.open_lots(tx, account), -new.points, at=at)
    change_lots(tx, account, operation, kind=EntryKind.ADJUSTMENT_DOWN, uses=uses, party=merchant.party, more=more)
    return Done(operation, replayed=False)


def adjustment_view(_tx: Transaction, operation: Operation) -> views.Adjustment:
    """The view of an adjustment operation."""
    return views.Adjustment(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        points=operation.facts["points"],
        reason=operation.facts["reason"],
        actor=operation.facts["actor"],
    )
