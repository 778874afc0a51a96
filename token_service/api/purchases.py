"""Purchases and their refunds."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import (
    Answer,
    EntryAnswer,
    Instant,
    ListAnswer,
    MoneyAnswer,
    Moved,
    PromiseAnswer,
    respond,
)
from token_service.api.fields import BATCH_SIZE_MAX, Code, Id, MinorUnits, Money, Name, PositivePoints, Reference, Time
from token_service.api.input import Body, Path
from token_service.api.many import Refusal, Unchecked, do_items, refusal
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_many, answer_move
from token_service.api.request import BATCH_BODY_BYTES_MAX
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import InvalidInput, MereauError, Place, WrongCurrency
from token_service.ledger import deliveries, purchases, refunds, views
from token_service.ledger.inputs import NewDelivery, NewItem, NewPurchase, NewRefund, NewRefundItem
from token_service.units import POINTS_MAX

routes = Routes("purchases", __name__, abp_tags=[{"name": "Purchases"}])
ITEMS_MAX: Final = 1_000
LineNumber = Annotated[
    int, Field(ge=0, le=POINTS_MAX, description="The line's number on the receipt; refunds name it.")
]


class ItemBody(Body):
    """A line of the basket; `amount` is the line's total in minor units, tax included, after its own `discount`."""

    line: LineNumber
    sku: Code | None = None
    category: Code | None = None
    quantity: PositivePoints = 1
    amount: MinorUnits
    discount: MinorUnits = 0
    tax: MinorUnits = 0


class PurchaseBody(Body):
    """What happened at the till.

    `total` is what was paid, tax included, after discounts and without what points paid. With items, the sum of their
    amounts + shipping − discount equals it."""

    reference: Reference
    member_id: Id | None = Field(default=None, description="Exactly one of member_id and external_id.")
    external_id: Name | None = None
    occurred_at: Time
    total: Money
    tax: Money | None = None
    shipping: Money | None = None
    discount: Money | None = None
    paid_with_points: Money | None = None
    paid_by: Reference | None = Field(
        default=None,
        description="The redemption that paid paid_with_points: its id, or your reference for it. Refunds give its points back.",
    )
    items: list[ItemBody] = Field(default_factory=list, max_length=ITEMS_MAX)
    channel: Code | None = Field(default=None, examples=["store", "online"])
    store_id: Id | None = None
    merchant_id: Id | None = Field(default=None, description="With an admin key: whose purchase it is.")

    def resolved(self) -> NewPurchase:
        """What the ledger is asked. Raises InvalidInput unless one member is named, WrongCurrency for two currencies."""
        if (self.member_id is None) == (self.external_id is None):
            detail = "Name the member once: member_id or external_id."
            raise InvalidInput(detail, places=(Place("/member_id", detail),))
        return NewPurchase(
            reference=self.reference,
            occurred_at=self.occurred_at,
            total=self.total.amount,
            member_id=self.member_id,
            external_id=self.external_id,
            currency=self.total.currency,
            tax=self._cents("tax"),
            shipping=self._cents("shipping"),
            discount=self._cents("discount"),
            paid_with_points=self._cents("paid_with_points"),
            paid_by=self.paid_by,
            items=tuple(NewItem(**dict(item)) for item in self.items),
            channel=self.channel,
            store_id=self.store_id,
            merchant_id=self.merchant_id,
        )

    def _cents(self, name: str) -> int:
        money: Money | None = getattr(self, name)
        if money is None:
            return 0
        if money.currency != self.total.currency:
            detail = "All amounts of a purchase are in one currency."
            raise WrongCurrency(detail, places=(Place(f"/{name}/currency", detail),))
        return money.amount


class RecordManyBody(Body):
    """Up to 1,000 purchases, oldest first: tiers and visits count in the order given."""

    purchases: list[Annotated[Any, Unchecked(PurchaseBody)]] = Field(min_length=1, max_length=BATCH_SIZE_MAX)


class RefundItemBody(Body):
    """What comes back of a line; without `amount`, the quantity's share of the line."""

    line: LineNumber
    quantity: PositivePoints = 1
    amount: MinorUnits | None = None


class RefundBody(Body):
    """What comes back: an `amount`, or `items`."""

    reference: Reference
    amount: Money | None = Field(default=None, description="Exactly one of amount and items.")
    items: list[RefundItemBody] = Field(default_factory=list, max_length=ITEMS_MAX)
    occurred_at: Time | None = Field(default=None, description="Default: now.")

    def resolved(self) -> NewRefund:
        """What the ledger is asked. Raises InvalidInput unless exactly one of amount and items is given."""
        if (self.amount is None) == (not self.items):
            detail = "Give amount or items, not both."
            raise InvalidInput(detail, places=(Place("/amount", detail),))
        return NewRefund(
            reference=self.reference,
            amount=self.amount.amount if self.amount else None,
            currency=self.amount.currency if self.amount else None,
            items=tuple(NewRefundItem(**dict(item)) for item in self.items),
            occurred_at=self.occurred_at,
        )


class DeliveryBody(Body):
    """That a purchase was delivered, and when."""

    reference: Reference
    delivered_at: Time | None = Field(default=None, description="Not before the purchase. Default: now.")

    def resolved(self) -> NewDelivery:
        """What the ledger is asked."""
        return NewDelivery(self.reference, self.delivered_at)


class PurchasePath(Path):
    purchase_id: str = Field(max_length=30)


class BreakdownAnswer(Answer):
    """What one rule gave and why; the lines sum to the award."""

    rule: str
    points: int
    why: str


class ItemAnswer(Answer):
    line: int
    sku: str | None
    category: str | None
    quantity: int
    amount: int
    discount: int
    tax: int


class CompletedAnswer(Answer):
    """A challenge that the purchase completed, or a campaign that gave a voucher or a badge: the event that says so, its points,
    the voucher that it gave.
    """

    challenge_id: str
    event_id: str
    points: int
    voucher_id: str | None
    reward_id: str | None


class PurchaseAnswer(Answer):
    """A purchase and what it earned: `pending` of its `points` wait for the return window to end at `available_at`. Where that
    window begins with the delivery, it must be told before `delivery_by`, and `available_at` is the latest that can be."""

    object: Literal["purchase"] = "purchase"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    store_id: str | None
    channel: str | None
    occurred_at: Instant
    total: MoneyAnswer
    tax: MoneyAnswer
    shipping: MoneyAnswer
    discount: MoneyAnswer
    paid_with_points: MoneyAnswer
    paid_by: str | None = Field(description="The redemption that paid part of it, if it was named.")
    items: list[ItemAnswer]
    points: int
    pending: int
    available_at: Instant | None
    delivery_by: Instant | None = Field(description="Before when the delivery must be told that its points wait for.")
    delivered_at: Instant | None
    breakdown: list[BreakdownAnswer]
    ruleset: str
    tier: str | None
    refunded: MoneyAnswer
    kept: int
    completed: list[CompletedAnswer]


class RecordedPurchase(Moved, PurchaseAnswer):
    """The purchase, the entries it made, and the balance after it."""


class BatchedPurchase(PurchaseAnswer):
    """The purchase and the entries it made."""

    entries: list[EntryAnswer]
    promise: PromiseAnswer | None


class PurchaseList(ListAnswer[PurchaseAnswer]):
    pass


class Recorded(Answer):
    """201: recorded now; 200: recorded before with the same content."""

    status: int
    purchase: BatchedPurchase


class RecordManyAnswer(Answer):
    """One result for each item, in order."""

    object: Literal["list"] = "list"
    data: list[Recorded | Refusal]


class RefundItemAnswer(Answer):
    line: int
    quantity: int
    amount: int


class RefundFields(Answer):
    """A refund: the purchase keeps `kept` points; the rest was cancelled while pending, reversed, or is owed. `restored` points
    came back of those that paid part of it (`paid_by`)."""

    object: Literal["refund"] = "refund"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    purchase_id: str
    occurred_at: Instant
    amount: MoneyAnswer
    items: list[RefundItemAnswer]
    kept: int
    reversed: int
    debt: int
    pending_cancelled: int
    restored: int


class RefundAnswer(Moved, RefundFields):
    """The refund, its entries, and the balance after it."""


@routes.post("/v1/purchases", responses={201: RecordedPurchase, 200: RecordedPurchase})
@needs("purchases:write", idempotent=True)
def record(body: PurchaseBody) -> Response:
    """Record a purchase and award its points.

    Points inside the return window are `pending` and become an issuance when it ends."""
    asked = body.resolved()
    return answer_move(
        lambda context: purchases.record_purchase(context, caller(), asked),
        body=body,
        shape=RecordedPurchase,
        name="purchase",
    )


@routes.post("/v1/purchases:batch", responses={200: RecordManyAnswer})
@needs("purchases:write", idempotent=True, body_bytes_max=BATCH_BODY_BYTES_MAX)
def record_many(body: RecordManyBody) -> Response:
    """Record up to 1,000 purchases; each succeeds or fails on its own."""
    return answer_many(
        lambda context: do_items(
            body.purchases,
            PurchaseBody,
            PurchaseBody.resolved,
            lambda items: purchases.record_purchases(context, caller(), items),
        ),
        body=body,
        present=lambda results: RecordManyAnswer(data=[_recorded(result) for result in results]),
    )


def _recorded(result: views.BatchOutcome[views.Purchase] | MereauError) -> Recorded | Refusal:
    if isinstance(result, MereauError):
        return refusal(result)
    purchase = BatchedPurchase.of(result.value, entries=result.entries, promise=result.promise)
    return Recorded(status=200 if result.replayed else 201, purchase=purchase)


@routes.get("/v1/purchases", responses={200: PurchaseList})
@needs("purchases:read")
def find(query: ReferenceQuery) -> Response:
    """Find the purchase with a reference."""
    return answer_found(PurchaseList, query, purchases.find_purchase, PurchaseAnswer.of)


@routes.get("/v1/purchases/<purchase_id>", responses={200: PurchaseAnswer})
@needs("purchases:read")
def get(path: PurchasePath) -> Response:
    """One purchase."""
    return respond(PurchaseAnswer.of(purchases.get_purchase(ledger(), caller(), path.purchase_id)))


@routes.post("/v1/purchases/<purchase_id>/delivery", responses={201: RecordedPurchase, 200: RecordedPurchase})
@needs("purchases:write", idempotent=True)
def deliver(path: PurchasePath, body: DeliveryBody) -> Response:
    """Tell that a purchase was delivered, where the rules have its return window begin with that.

    Once for each purchase; the same again, with its reference or of the same time, is answered with 200."""
    return answer_move(
        lambda context: deliveries.tell_delivery(context, caller(), path.purchase_id, body.resolved()),
        body=body,
        shape=RecordedPurchase,
        name="purchase",
    )


@routes.post("/v1/purchases/<purchase_id>/refunds", responses={201: RefundAnswer, 200: RefundAnswer})
@needs("purchases:write", idempotent=True)
def refund(path: PurchasePath, body: RefundBody) -> Response:
    """Refund all or part of a purchase.

    The purchase keeps exactly what its own ruleset and facts give for what is left of it."""
    asked = body.resolved()
    return answer_move(
        lambda context: refunds.refund_purchase(context, caller(), path.purchase_id, asked),
        body=body,
        shape=RefundAnswer,
        name="refund",
    )
