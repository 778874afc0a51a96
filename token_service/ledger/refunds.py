"""Refunds: a purchase keeps exactly what its own ruleset and facts give for what is left of it (DESIGN §3.4).

Inside the return window the pending award shrinks. After it, the difference is reversed as far as the member has
points; the rest is owed. A refund is accepted for a frozen member, too: it happened at the till, and its entries wait
with the member's others.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC

from token_service.errors import WrongCurrency
from token_service.ledger import (
    campaign_uses,
    challenges,
    checks,
    operations,
    purchase_facts,
    referrals,
    tiers,
    views,
)
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewRefund
from token_service.ledger.moving_on import move_on
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.points_payments import due_back, give_payment_back
from token_service.ledger.posting import fact
from token_service.ledger.purchase_views import pending_award, purchase_state
from token_service.ledger.staged import Operation
from token_service.ledger.taking_back import lost_of, take_back
from token_service.ledger.transaction import Transaction, read
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import (
    LineRefund,
    Refund,
    check_refund,
    keep_after_refund,
    resolve_line,
    to_take_back,
)
from token_service.program.tiers import qualification


def refund_purchase(context: Context, actor: Actor, purchase_id: str, new: NewRefund) -> views.Outcome[views.Refund]:
    """The refund and what it took back; the first one again when its reference is known with the same content.

    Raises NotFound, ReferenceConflict, InvalidInput, WrongCurrency, RefundExceedsPurchase (with `refundable`),
    MemberLeaving.
    """
    return outcome(context, lambda tx: _refund(tx, actor, purchase_id, new), refund_view)


def simulate_refund(context: Context, actor: Actor, purchase_id: str, new: NewRefund) -> views.Simulation[views.Refund]:
    """What `refund_purchase` would answer now, or the refusal with what can still be refunded; nothing is recorded.

    An empty reference means: one that was never used.
    """

    def member_of(tx: Transaction) -> str:
        return operations.get(tx, actor, purchase_id, "purchase").member_id

    named = new if new.reference else replace(new, reference=context.new_id("sim"))
    return simulated(
        context, lambda tx: _refund(tx, actor, purchase_id, named, is_simulated=True), refund_view, member_of
    )


def get_refund(context: Context, actor: Actor, refund_id: str) -> views.Refund:
    """Raises NotFound."""
    return read(context, lambda tx: refund_view(tx, operations.get(tx, actor, refund_id, "refund")))


def _refund(tx: Transaction, actor: Actor, purchase_id: str, new: NewRefund, *, is_simulated: bool = False) -> Done:
    purchase = operations.get(tx, actor, purchase_id, "purchase")
    referrals.lock_both(tx, purchase.member_id)
    account = tx.heir(tx.account(purchase.member_id))
    checks.reference(new.reference)
    content = operations.content_hash(
        asdict(new) | {"of": purchase_id, "currency": new.currency or tx.program.currency}
    )
    first = operations.known(
        tx, merchant_id=purchase.merchant_id, kind="refund", reference=new.reference, content=content
    )
    if first is not None:
        return Done(first, replayed=True)
    if new.currency is not None and new.currency != tx.program.currency:
        raise WrongCurrency("the programme counts in another currency", expected=tx.program.currency)
    facts = PurchaseFacts.from_json(purchase.facts)
    earlier = tuple(
        Refund.from_json(operation.facts["refund"]) for operation in operations.children(tx, purchase_id, "refund")
    )
    refund = _resolved(new, facts, earlier)
    check_refund(facts, earlier, refund)
    occurred_at = tx.now if new.occurred_at is None else checks.when(tx, "/occurred_at", new.occurred_at)
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("ref"),
            kind="refund",
            merchant_id=purchase.merchant_id,
            member_id=account.id,
            parent_id=purchase.id,
            store_id=purchase.store_id,
            reference=new.reference,
            content_hash=content,
            ruleset_hash=purchase.ruleset_hash,
            occurred_at=max(occurred_at, min(purchase.occurred_at, tx.now)).astimezone(UTC),
            recorded_at=tx.now,
            facts={"refund": refund.to_json(), "purchase": purchase.reference},
            result={},
        ),
    )
    back = due_back(tx, purchase, facts, (*earlier, refund), new.reference)
    if back is not None:
        operation.result["restored"] = back.points
    _apply(tx, account, purchase=purchase, operation=operation, facts=facts, refunds=(*earlier, refund))
    tiers.review(tx, account)
    challenges.after_refund(tx, account, purchase, facts, (*earlier, refund))
    referrals.after_refund(tx, account)
    if back is not None and back.points:
        payer = give_payment_back(tx, operation, back)
        if payer is not account and not is_simulated:
            move_on(tx, payer)
    return Done(operation, replayed=False)


def _resolved(new: NewRefund, facts: PurchaseFacts, earlier: tuple[Refund, ...]) -> Refund:
    """The refund in cents and pieces. Raises InvalidInput unless exactly one of amount and items is given."""
    if (new.amount is None) == (not new.items):
        raise checks.wrong("/amount", "give either an amount or items")
    if new.amount is not None:
        return Refund(amount=checks.money("/amount", new.amount))
    lines: list[LineRefund] = []
    for index, item in enumerate(new.items):
        checks.money(f"/items/{index}/quantity", item.quantity)
        so_far = (*earlier, Refund(amount=0, items=tuple(lines)))
        lines.append(resolve_line(facts, so_far, line=item.line, quantity=item.quantity, amount=item.amount))
    return Refund(amount=0, items=tuple(lines))


def _apply(
    tx: Transaction,
    account: Account,
    *,
    purchase: Operation,
    operation: Operation,
    facts: PurchaseFacts,
    refunds: tuple[Refund, ...],
) -> None:
    """Takes back what the purchase no longer keeps: from what is pending, or from the member's points."""
    state = purchase_state(tx, purchase.id)
    left = keep_after_refund(tx.ruleset(purchase.ruleset_hash), facts, refunds)
    kept = min(state.kept, left.points)
    campaign_uses.give_back(tx, purchase, facts, left)
    pending = pending_award(tx, purchase.id)
    reversed_, debt, cancelled = 0, 0, 0
    more = {"refund": refunds[-1].to_json(), "kept": kept, "was_kept": state.kept, **operation.result}
    if pending is not None:
        cancelled = pending.points - kept
        tx.staged.changed_awards.append((purchase.id, kept))
        fact(tx, account, "award_cut", operation=operation, points=-cancelled, more={**more, "points": -cancelled})
    else:
        lost = lost_of(tx, account, purchase.id)
        points = to_take_back(awarded=state.awarded, kept=kept, expired=lost, taken=state.taken)
        party = tx.merchant(purchase.merchant_id).party
        reversed_, debt = take_back(tx, account, operation, points=points, party=party, of=purchase.id, more=more)
    operation.result |= {"kept": kept, "reversed": reversed_, "debt": debt, "pending_cancelled": cancelled}
    day = account.day_points
    if state.local_date in day:
        day[state.local_date] -= state.kept - kept
    counts = qualification(facts, refunds, kept)
    state.kept, state.taken = kept, state.taken + reversed_ + debt + cancelled
    state.refunded_cents += refunds[-1].total
    state.tier_spend_cents, state.tier_points, state.tier_orders = counts.spend, counts.points, counts.orders
    tx.staged.changed_purchases.append(state)
    if account.history is not None:
        purchase_facts.count_in_history(account, state)


def refund_view(tx: Transaction, operation: Operation) -> views.Refund:
    """The view of a refund operation."""
    refund = Refund.from_json(operation.facts["refund"])
    result = operation.result
    assert operation.parent_id is not None
    return views.Refund(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        purchase_id=operation.parent_id,
        occurred_at=operation.occurred_at,
        amount=views.Money(refund.total, tx.program.currency),
        items=tuple(views.RefundItem(item.line, item.quantity, item.amount) for item in refund.items),
        kept=result["kept"],
        reversed=result["reversed"],
        debt=result["debt"],
        pending_cancelled=result["pending_cancelled"],
        restored=result.get("restored", 0),
    )
