"""Purchases: recorded once, rated under the rules of their day, awarded now or when the return window ends (DESIGN
§3.2).

`record_purchase`, the batch and `simulate_purchase` run the same `_record`; a simulation is not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from token_service.errors import CallerError, InvalidInput, MereauError, TotalMismatch
from token_service.ledger import (
    campaign_uses,
    challenge_rows,
    challenges,
    checks,
    membership_rows,
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
from token_service.ledger.entry_views import entries_of, promises_of
from token_service.ledger.freezing import freeze_if_too_fast
from token_service.ledger.inputs import NewPurchase
from token_service.ledger.noting_refusals import NOTED, asked_by, note
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.posting import fact
from token_service.ledger.purchase_views import purchase_view
from token_service.ledger.staged import Operation, PurchaseState
from token_service.ledger.stored_lots import extend_lots
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.visit_rows import read_visited
from token_service.program.challenges import counted_challenges
from token_service.program.events import pays_for_referrals
from token_service.program.facts import ItemFacts, PurchaseFacts, local_time
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import qualification
from token_service.program.windows import award_due_at, check_not_too_late

CHUNK = 100
"""Purchases of a batch that share a transaction: long enough to be fast, short enough not to keep others waiting."""


def record_purchase(context: Context, actor: Actor, new: NewPurchase) -> views.Outcome[views.Purchase]:
    """The purchase with what it earns; the first one again when its reference is known with the same content.

    Raises ReferenceConflict, NotFound (member, store, merchant), InvalidInput, TotalMismatch, WrongCurrency, TooLate,
    MemberFrozen, MemberLeaving, CeilingReached, ProgramPaused, AfterSunset, BacklogFull.
    """
    return outcome(context, lambda tx: _record(tx, actor, new), purchase_view, asked_by(actor, "purchase", new))


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
        answers += _record_chunk(context, actor, news[start : start + CHUNK])
    return answers


def simulate_purchase(context: Context, actor: Actor, new: NewPurchase) -> views.Simulation[views.Purchase]:
    """What `record_purchase` would answer now, or the refusal with what is missing; nothing is recorded.

    An empty reference means: one that was never used.
    """

    def member_of(tx: Transaction) -> str:
        merchant_id = actor.acting_merchant(new.merchant_id)
        return operations.member_named(tx, merchant_id, new.member_id, new.external_id).id

    named = new if new.reference else replace(new, reference=context.new_id("sim"))
    return simulated(context, lambda tx: _record(tx, actor, named), purchase_view, member_of)


def get_purchase(context: Context, actor: Actor, purchase_id: str) -> views.Purchase:
    """The purchase as it stands after its refunds. Raises NotFound."""
    return read(context, lambda tx: purchase_view(tx, operations.get(tx, actor, purchase_id, "purchase")))


def find_purchase(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Purchase:
    """The merchant's purchase of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: purchase_view(tx, operations.find(tx, merchant, "purchase", reference)))


def _record_chunk(
    context: Context, actor: Actor, news: Sequence[NewPurchase]
) -> list[views.BatchOutcome[views.Purchase] | MereauError]:
    def work(tx: Transaction) -> list[views.BatchOutcome[views.Purchase] | MereauError]:
        _prepare(tx, actor, news)
        done = [tx.attempt(lambda new=new: _record(tx, actor, new)) for new in news]  # type: ignore[misc]
        for new, item in zip(news, done, strict=True):
            if isinstance(item, NOTED):
                note(tx.connection, asked_by(actor, "purchase", new), item, tx.now)
        tx.flush()
        ids = [item.operation.id for item in done if isinstance(item, Done)]
        entries, promises = entries_of(tx, ids), promises_of(tx, ids)
        return [
            item
            if isinstance(item, MereauError)
            else views.BatchOutcome(
                value=purchase_view(tx, item.operation),
                replayed=item.replayed,
                entries=tuple(entries[item.operation.id]),
                promise=promises.get(item.operation.id),
            )
            for item in done
        ]

    try:
        return write(context, work, asked_by(actor, "purchase", news[0]) if len(news) == 1 else None)
    except CallerError as error:  # the flush found a ceiling reached meanwhile: find out by which item
        if len(news) == 1:
            return [error]
        return [answer for new in news for answer in _record_chunk(context, actor, [new])]


def _prepare(tx: Transaction, actor: Actor, news: Sequence[NewPurchase]) -> None:
    """Locks the members of a chunk in one order and reads which references are known, both at once."""
    by_merchant: dict[str, list[NewPurchase]] = {}
    for new in news:
        try:
            by_merchant.setdefault(actor.acting_merchant(new.merchant_id), []).append(new)
        except CallerError:
            continue  # the item itself will say so
    for merchant_id, items in by_merchant.items():
        tx.look_up_members(merchant_id, [new.external_id for new in items if new.external_id is not None])
        operations.look_up_references(tx, merchant_id, "purchase", [new.reference for new in items])
    tx.lock_accounts(
        tx.known_members.get((actor.acting_merchant(new.merchant_id), new.external_id or ""), new.member_id or "")
        for items in by_merchant.values()
        for new in items
    )
    ruleset, accounts = tx.ruleset(tx.ruleset_hash_at(tx.now)), tuple(tx.accounts())
    purchase_facts.read_ahead_many(tx, accounts, _local_dates(news, ruleset))
    if ruleset.tiers is not None or ruleset.limits.velocity is not None:
        purchase_facts.read_histories(tx, accounts)
    if ruleset.visits is not None:
        read_visited(tx, accounts)
    challenge_rows.read_many(tx, accounts, [one.id for one in counted_challenges(ruleset)])
    if ruleset.memberships:
        membership_rows.read_many(tx, accounts)


def _local_dates(news: Sequence[NewPurchase], ruleset: Ruleset) -> set[str]:
    """The days on which these were bought; of what is no time the item itself says so."""
    zone = ruleset.program.time_zone
    return {local_time(new.occurred_at, zone).date for new in news if new.occurred_at.tzinfo is not None}


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
    basket = _basket(tx, new, merchant_id, store_id)
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
    due_at = award_due_at(ruleset, occurred_at)
    if award.points == 0:
        fact(tx, account, "purchase", operation=operation, more={"facts": operation.facts, **operation.result})
    elif due_at > tx.now:
        operation.result["due_at"] = due_at.isoformat()
        hold_back(tx, account, operation, award.points, due_at)
    else:
        award_points(tx, account, operation, award.points)
    state = _state(operation, facts, award.points)
    tx.staged.purchases.append(state)
    campaign_uses.use(tx, operation, facts, award)
    purchase_facts.remember(account, facts, state)
    _was_active(tx, account, occurred_at, operation.id)
    tiers.review(tx, account, is_only_more=True)
    challenges.after_purchase(tx, account, operation, facts)
    freeze_if_too_fast(tx, account, ruleset, facts)
    if account.purchase_count == 1 and pays_for_referrals(ruleset):
        referrals.expect(tx, account, due_at)
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


def _basket(tx: Transaction, new: NewPurchase, merchant_id: str, store_id: str | None) -> purchase_facts.Basket:
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
    )
