"""Purchases: recorded once, rated under the rules of their day, awarded now or when the return window ends (DESIGN
§3.2).

`record_purchase`, the batch and `simulate_purchase` run the same `_record`; a simulation is not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from token_service.errors import InvalidInput, MereauError, TotalMismatch
from token_service.ledger import (
    campaign_uses,
    challenges,
    checks,
    operations,
    orders,
    purchase_facts,
    referrals,
    stores,
    tiers,
    views,
)
from token_service.ledger.accounts import Account
from token_service.ledger.awards import award_points, hold_back
from token_service.ledger.context import Actor, Context
from token_service.ledger.freezing import freeze_if_too_fast
from token_service.ledger.inputs import NewPurchase
from token_service.ledger.looking_ahead import as_of
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import simulated
from token_service.ledger.points_payments import paying_redemption, stage_payment
from token_service.ledger.posting import fact
from token_service.ledger.purchase_groups import Ask, record_alone, record_chunk, record_together
from token_service.ledger.purchase_views import purchase_view
from token_service.ledger.staged import Operation, PurchaseState
from token_service.ledger.stored_lots import extend_lots
from token_service.ledger.transaction import Transaction, read
from token_service.program.events import pays_for_referrals
from token_service.program.facts import ItemFacts, PurchaseFacts, local_time
from token_service.program.tiers import qualification
from token_service.program.windows import check_not_too_late, wait_of

CHUNK = 100
"""Purchases of a batch that share a transaction: long enough to be fast, short enough not to keep others waiting."""


def record_purchase(context: Context, actor: Actor, new: NewPurchase) -> views.Outcome[views.Purchase]:
    """The purchase with what it earns; the first one again when its reference is known with the same content.

    Raises ReferenceConflict, NotFound (member, store, merchant, redemption), Conflict (a redemption that paid before),
    InvalidInput, TotalMismatch, WrongCurrency, TooLate, MemberFrozen, MemberLeaving, CeilingReached, ProgramPaused, AfterSunset,
    BacklogFull.
    """
    asked = Ask(actor, new)
    sharing = context.store.sharing
    if sharing is None:
        return record_alone(context, asked, _record)
    card = (actor.merchant_id or new.merchant_id, new.external_id or new.member_id)
    answer = sharing.do(asked, card, lambda asks: record_together(context, asks, _record))
    if isinstance(answer, MereauError):
        raise answer
    return answer


def record_purchases(
    context: Context, actor: Actor, news: Sequence[NewPurchase]
) -> list[views.BatchOutcome[views.Purchase] | MereauError]:
    """One answer for each purchase, in order: recorded (or known), or why it was refused. Refused ones leave nothing.

    At most 1,000. Each chunk of 100 is one transaction; what a chunk recorded stays when a later one fails.
    """
    if len(news) > checks.BATCH_MAX:
        raise InvalidInput(f"a batch has at most {checks.BATCH_MAX} purchases")
    answers: list[views.BatchOutcome[views.Purchase] | MereauError] = []
    for start in range(0, len(news), CHUNK):
        answers += record_chunk(context, [Ask(actor, new) for new in news[start : start + CHUNK]], _record)
    return answers


def simulate_purchase(context: Context, actor: Actor, new: NewPurchase) -> views.Simulation[views.Purchase]:
    """What `record_purchase` would answer now, or at an `occurred_at` ahead (looking_ahead.py); or the refusal with what is
    missing. Nothing is recorded. An empty reference means: one that was never used.
    """

    def member_of(tx: Transaction) -> str:
        merchant_id = actor.acting_merchant(new.merchant_id)
        return operations.member_named(tx, merchant_id, new.member_id, new.external_id).id

    named = new if new.reference else replace(new, reference=context.new_id("sim"))
    at = as_of(context, new.occurred_at)
    return simulated(at, lambda tx: _record(tx, actor, named), purchase_view, member_of)


def get_purchase(context: Context, actor: Actor, purchase_id: str) -> views.Purchase:
    """The purchase as it stands after its refunds. Raises NotFound."""
    return read(context, lambda tx: purchase_view(tx, operations.get(tx, actor, purchase_id, "purchase")))


def find_purchase(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Purchase:
    """The merchant's purchase of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: purchase_view(tx, operations.find(tx, merchant, "purchase", reference)))


def _record(tx: Transaction, actor: Actor, new: NewPurchase) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = operations.member_named(tx, merchant_id, new.member_id, new.external_id)
    checks.reference(new.reference)
    occurred_at = checks.when(tx, "/occurred_at", new.occurred_at)
    ruleset_hash = tx.ruleset_hash_at(occurred_at)
    ruleset = tx.ruleset(ruleset_hash)
    local_date = local_time(occurred_at, ruleset.program.time_zone).date
    ahead = {"local_date": local_date, "merchant_id": merchant_id, "reference": new.reference}
    purchase_facts.read_ahead(tx, account, ruleset, **ahead)
    named = {"merchant_id": merchant_id, "kind": "purchase", "reference": new.reference}
    first = operations.known_of(tx, account, lambda of: _content(tx, new, merchant_id, of), **named)
    if first is not None:
        return Done(first, replayed=True)
    operations.check_active(account)
    check_not_too_late(ruleset, occurred_at, tx.now)
    _check_money(tx, new)
    store_id = None if new.store_id is None else stores.store_of(tx, merchant_id, new.store_id).id
    paid_by = None
    if new.paid_by is not None:
        paid_by = paying_redemption(tx, account, merchant_id, new.paid_by, new.paid_with_points)
    basket = _basket(tx, new, merchant_id, store_id, paid_by)
    facts, award = campaign_uses.decide(tx, account, ruleset, purchase_facts.facts_of(tx, account, ruleset, basket))
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("pur"),
            kind="purchase",
            merchant_id=merchant_id,
            member_id=account.id,
            store_id=store_id,
            reference=new.reference,
            content_hash=_content(tx, new, merchant_id, account.id),
            ruleset_hash=ruleset_hash,
            occurred_at=occurred_at,
            recorded_at=tx.now,
            facts=facts.to_json(),
            result=award.to_json(),
        ),
    )
    wait = wait_of(ruleset, facts)
    if award.points == 0:
        fact(tx, account, "purchase", operation=operation, more={"facts": operation.facts, **operation.result})
    elif wait.holds_back(tx.now):
        hold_back(tx, account, operation, award.points, wait)
    else:
        award_points(tx, account, operation, award.points)
    state = _state(operation, facts, award.points)
    tx.staged.purchases.append(state)
    stage_payment(tx, operation)
    campaign_uses.use(tx, operation, facts, award)
    purchase_facts.remember(account, facts, state)
    _was_active(tx, account, occurred_at, operation.id)
    tiers.review(tx, account, is_only_more=True)
    challenges.after_purchase(tx, account, operation, facts)
    freeze_if_too_fast(tx, account, ruleset, facts)
    if account.purchase_count == 1 and pays_for_referrals(ruleset):
        referrals.expect(tx, account, wait.due_at)
    return Done(operation, replayed=False)


def _state(operation: Operation, facts: PurchaseFacts, points: int) -> PurchaseState:
    counts = qualification(facts, (), points)
    return PurchaseState(
        operation_id=operation.id,
        member_id=operation.member_id,
        occurred_at=facts.occurred_at,
        local_date=facts.local.date,
        awarded=points,
        kept=points,
        taken=0,
        refunded_cents=0,
        tier_spend_cents=counts.spend,
        tier_points=counts.points,
        tier_orders=counts.orders,
        visit_number=facts.visit.number,
        visit_receipt=facts.visit.receipt,
    )


def _was_active(tx: Transaction, account: Account, at: datetime, operation_id: str) -> None:
    extend_lots(tx, account, activity_at=at, operation_id=operation_id)
    account.last_activity_at = max(at, account.last_activity_at or at)
    account.purchase_count += 1
    account.is_changed = True


def _content(tx: Transaction, new: NewPurchase, merchant_id: str, member_id: str) -> str:
    plain = {name: getattr(new, name) for name in new.__slots__} | {
        "items": [{name: getattr(item, name) for name in item.__slots__} for item in new.items],
        "merchant_id": merchant_id,
        "member_id": member_id,
        "external_id": None,
        "currency": new.currency or tx.program.currency,
    }
    if new.paid_by is None:  # what a purchase without it is called stays what it always was
        del plain["paid_by"]
    return operations.content_hash(plain)


def _check_money(tx: Transaction, new: NewPurchase) -> None:
    """Raises WrongCurrency, InvalidInput, and TotalMismatch when the lines do not give the total.

    `total` leaves out what points paid; a caller may show that payment as part of `discount` or beside it.
    """
    orders.check_currency(tx, new.currency)
    for name in ("total", "tax", "shipping", "discount", "paid_with_points"):
        checks.money("/" + name, getattr(new, name))
    if new.tax > new.total:
        raise checks.wrong("/tax", "must not exceed the total")
    if new.shipping > new.total + new.discount + new.paid_with_points:
        raise checks.wrong("/shipping", "must not exceed the total before discount and points")
    if not new.items:
        return
    orders.check_figures(new.items)
    computed = sum(item.amount for item in new.items) + new.shipping - new.discount
    if new.total not in (computed, computed - new.paid_with_points):
        raise TotalMismatch(
            "lines, shipping and discount do not add up to the total", total=new.total, computed=computed
        )


def _basket(
    tx: Transaction, new: NewPurchase, merchant_id: str, store_id: str | None, paid_by: str | None
) -> purchase_facts.Basket:
    orders.check_words(new.items)
    return purchase_facts.Basket(
        occurred_at=checks.when(tx, "/occurred_at", new.occurred_at),
        currency=tx.program.currency,
        total=new.total,
        tax=new.tax,
        shipping=new.shipping,
        discount=new.discount,
        paid_with_points=new.paid_with_points,
        items=tuple(
            ItemFacts(item.line, item.sku, item.category, item.quantity, item.amount, item.discount, item.tax)
            for item in new.items
        ),
        channel=checks.optional_text("/channel", new.channel, longest=50),
        store=store_id,
        merchant=merchant_id,
        paid_by=paid_by,
    )
