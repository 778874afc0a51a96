"""Deliveries: the return window of a purchase that waits for one begins with it (docs/rulesets.md "delivery").

That moves no points, so it is a fact with its leaf; the pending award gets another date, and due work issues it then. One whose
delivery nobody told in time lapses, if the rules say so: it comes to nothing, and the purchase keeps no points.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from token_service.errors import AlreadyDelivered, DeliveryNotAwaited
from token_service.ledger import campaign_uses, checks, operations, purchase_facts, referrals, tiers, views
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.details import instant
from token_service.ledger.inputs import NewDelivery
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome
from token_service.ledger.posting import fact
from token_service.ledger.purchase_views import DELIVERY, Pending, pending_award, purchase_state, purchase_view
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.program.earning import award_of
from token_service.program.facts import PurchaseFacts
from token_service.program.windows import award_due_at

LAPSE: Final = "lapse"
"""What the end of an undelivered award is called as an operation; its fact is `award_lapsed`."""


def tell_delivery(context: Context, actor: Actor, purchase_id: str, new: NewDelivery) -> views.Outcome[views.Purchase]:
    """The purchase with its new dates; as it is when the delivery was told before, with the same reference or of the same time.

    Raises NotFound, ReferenceConflict, InvalidInput, DeliveryNotAwaited, AlreadyDelivered, BacklogFull.
    """

    def show(tx: Transaction, operation: Operation) -> views.Purchase:
        return purchase_view(tx, operations.get(tx, actor, purchase_id, "purchase"))

    return outcome(context, lambda tx: _tell(tx, actor, purchase_id, new), show)


def lapse(tx: Transaction, account: Account, purchase: Operation, points: int) -> None:
    """The pending award of a purchase that nobody delivered comes to nothing: it is neither issued nor counted any more."""
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("lps"),
            kind=LAPSE,
            merchant_id=purchase.merchant_id,
            member_id=account.id,
            parent_id=purchase.id,
            store_id=purchase.store_id,
            reference=f"{LAPSE}/{purchase.id}",
            content_hash=operations.content_hash({"of": purchase.id}),
            ruleset_hash=purchase.ruleset_hash,
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts={"purchase": purchase.reference},
            result={"lapsed": points},
        ),
    )
    fact(tx, account, "award_lapsed", operation=operation, points=-points, more={"points": -points})
    tx.staged.changed_awards.append((purchase.id, 0))
    campaign_uses.give_back(tx, purchase, PurchaseFacts.from_json(purchase.facts), award_of(()))
    state = purchase_state(tx, purchase.id)
    if state.local_date in account.day_points:
        account.day_points[state.local_date] -= state.kept
    state.kept, state.taken, state.tier_points = 0, state.taken + points, 0
    tx.staged.changed_purchases.append(state)
    if account.history is not None:
        purchase_facts.count_in_history(account, state)
    tiers.review(tx, account)


def _tell(tx: Transaction, actor: Actor, purchase_id: str, new: NewDelivery) -> Done:
    purchase = operations.get(tx, actor, purchase_id, "purchase")
    account = tx.heir(tx.account(purchase.member_id))
    checks.reference(new.reference)
    content = operations.content_hash(asdict(new) | {"of": purchase_id})
    named: dict[str, Any] = {"merchant_id": purchase.merchant_id, "kind": DELIVERY, "reference": new.reference}
    first = operations.known(tx, **named, content=content)
    if first is not None:
        return Done(first, replayed=True)
    delivered_at = _when(tx, purchase, new)
    told = operations.children(tx, purchase.id, DELIVERY)
    if told:
        _check_same(told[0], delivered_at)
        return Done(told[0], replayed=True)
    _awaited(tx, purchase)
    due_at = award_due_at(tx.ruleset(purchase.ruleset_hash), delivered_at)
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("dlv"),
            **named,
            member_id=account.id,
            parent_id=purchase.id,
            store_id=purchase.store_id,
            content_hash=content,
            ruleset_hash=purchase.ruleset_hash,
            occurred_at=delivered_at,
            recorded_at=tx.now,
            facts={"purchase": purchase.reference},
            result={"due_at": due_at.isoformat()},
        ),
    )
    fact(tx, account, DELIVERY, operation=operation, more={"due_at": instant(due_at)}, due_at=due_at)
    tx.staged.delivered_awards.append((purchase.id, due_at))
    referrals.expect_sooner(tx, account, due_at)
    return Done(operation, replayed=False)


def _when(tx: Transaction, purchase: Operation, new: NewDelivery) -> datetime:
    """The instant of the delivery: neither before the purchase nor in the future."""
    if new.delivered_at is None:
        return tx.now
    told = min(checks.when(tx, "/delivered_at", new.delivered_at), tx.now)  # clocks differ
    if told < min(purchase.occurred_at, tx.now):
        raise checks.wrong("/delivered_at", "must not lie before the purchase")
    return told


def _check_same(told: Operation, delivered_at: datetime) -> None:
    if told.occurred_at != delivered_at:
        raise AlreadyDelivered(
            "the delivery of this purchase was told before, at another time",
            existing_id=told.id,
            delivered_at=told.occurred_at.isoformat(),
        )


def _awaited(tx: Transaction, purchase: Operation) -> Pending:
    """The award that waits for the delivery. Raises DeliveryNotAwaited with the reason."""
    award = pending_award(tx, purchase.id)
    if award is None:
        reason = "nothing_pending"
        raise DeliveryNotAwaited("nothing of this purchase's points waits any more", reason=reason)
    if award.delivery_by is None:
        raise DeliveryNotAwaited(
            "the rules do not have this purchase wait for a delivery", reason="counts_from_purchase"
        )
    if tx.now >= award.delivery_by:
        until = award.delivery_by.isoformat()
        raise DeliveryNotAwaited("the time for this delivery is over", reason="over", delivery_by=until)
    return award
