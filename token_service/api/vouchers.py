"""Vouchers: a reward that a member bought in the wallet, or a merchant for its member; honoured once."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import BaseModel, Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, MoneyAnswer, Moved, respond
from token_service.api.fields import Code, Id, Reason, Reference
from token_service.api.input import Body
from token_service.api.replays import answer_move, answer_once
from token_service.api.reward_terms import OrderBody, TermsAnswer
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.api.simulations import SimulatedRefusal
from token_service.ledger import vouchers
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewOrder, NewVoucherFor, NewVoucherReversal, NewVoucherUse
from token_service.ledger.views import VoucherReversalOutcome
from token_service.ledger.voucher_undoing import undo_use

routes = Routes("vouchers", __name__, abp_tags=[{"name": "Vouchers"}])


class VoucherForBody(Body):
    """The reward, and whose points buy it."""

    reference: Reference = Field(description="Up to 150 characters.")
    member_id: Id
    reward_id: Code = Field(description="A reward of the ruleset in force; it has the price.")
    merchant_id: Id | None = Field(default=None, description="With an admin key: who asks for its member.")

    def resolved(self) -> NewVoucherFor:
        """What the ledger is asked."""
        return NewVoucherFor(**dict(self))


class VoucherBody(Body):
    """The code as it was typed or scanned: capitals, spaces and hyphens make no difference, nor do O for 0, I or L for 1."""

    code: Code = Field(examples=["7KQ4-M2XT-9HPB"])
    merchant_id: Id | None = Field(default=None, description="With an admin key: whose till it is.")
    order: OrderBody | None = Field(default=None, description="What it is used for: needed if its terms name any.")

    def said_order(self) -> NewOrder | None:
        """The order, if it was said."""
        return None if self.order is None else self.order.resolved()


class VoucherUseBody(VoucherBody):
    """Which voucher is honoured, and the caller's own name for that."""

    reference: Reference
    store_id: Id | None = None

    def resolved(self) -> NewVoucherUse:
        """What the ledger is asked."""
        return NewVoucherUse(**{**dict(self), "order": self.said_order()})


class UndoneUse(Answer):
    """A use that was undone: `reference` named the use, `undone_reference` what undid it; `discount` is what had come off."""

    used_at: Instant
    reference: str
    discount: MoneyAnswer | None
    undone_at: Instant
    undone_reference: str


class VoucherFields(Answer):
    """What a voucher buys and what it cost in points; `expires_at`: from when on it buys nothing any more (null: it has no end);
    `used_at`, `reference` and `discount` of the use that stands, the last two only to its merchant: `discount` is what came off
    the order (null: no money, or no order was said). `undone`: the asking merchant's own uses that it undid, oldest first."""

    object: Literal["voucher"] = "voucher"
    id: str
    created_at: Instant
    state: Literal["open", "used", "cancelled", "expired"]
    expires_at: Instant | None
    reward_id: str
    reward_name: dict[str, str] = Field(description="By language; may be empty.")
    points: int
    value: MoneyAnswer
    used_at: Instant | None
    reference: str | None
    discount: MoneyAnswer | None
    terms: TermsAnswer
    undone: list[UndoneUse]


class VoucherChecked(Answer):
    """The voucher, what it would take off the order, and the refusal that using it now would meet, if any."""

    object: Literal["voucher_check"] = "voucher_check"
    allowed: bool
    voucher: VoucherFields
    discount: MoneyAnswer | None = Field(description="What comes off the order; null without one, or if no money does.")
    refusal: SimulatedRefusal | None


class VoucherPath(BaseModel):
    voucher_id: str = Field(max_length=30)


class VoucherReversalBody(Body):
    """The undoing's own name, which use is meant, and why."""

    reference: Reference
    use_reference: Reference | None = Field(
        default=None, description="What the use was called; left out, the one that stands is meant."
    )
    merchant_id: Id | None = Field(default=None, description="With an admin key: whose use it was.")
    reason: Reason | None = None

    def resolved(self) -> NewVoucherReversal:
        """What the ledger is asked."""
        return NewVoucherReversal(**dict(self))


class VoucherReversalAnswer(Answer):
    """What undid the use of a voucher: `use_reference` named that use, `used_at` says when it was, `discount` what had come off
    the order. It stays what it is, whatever becomes of the voucher."""

    object: Literal["voucher_reversal"] = "voucher_reversal"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    voucher_id: str
    reward_id: str
    use_reference: str
    used_at: Instant
    discount: MoneyAnswer | None
    reason: str | None
    ruleset: str


class VoucherBought(Moved):
    """The voucher, with its code while it is open; the entries of its redemption and the balance after it."""

    object: Literal["voucher"] = "voucher"
    id: str
    created_at: Instant
    state: Literal["open", "used", "cancelled", "expired"]
    expires_at: Instant | None = Field(description="From when on it buys nothing any more; null: it has no end.")
    code: str | None = Field(examples=["7KQ4-M2XT-9HPB"])
    reward_id: str
    points: int
    redemption_id: str
    ruleset: str


@routes.post("/v1/vouchers", responses={201: VoucherBought, 200: VoucherBought})
@needs("redemptions:write", idempotent=True)
def buy(body: VoucherForBody) -> Response:
    """Buy a voucher with a member's points, who asked for it; the same reference answers the same code."""
    asked = body.resolved()
    return answer_move(
        lambda context: vouchers.buy_for_member(context, caller(), asked),
        body=body,
        shape=VoucherBought,
        name="voucher",
    )


@routes.post("/v1/vouchers:check", responses={200: VoucherChecked})
@needs("redemptions:write")
def check(body: VoucherBody) -> Response:
    """What the voucher with this code buys, and whether it may be used. Nothing changes."""
    checked = vouchers.check_voucher(ledger(), caller(), body.code, body.merchant_id, body.said_order())
    refusal = None
    if checked.refusal is not None:
        refusal = SimulatedRefusal(code=checked.refusal, detail=checked.detail or "", facts=dict(checked.facts))
    voucher = VoucherFields.of(checked.voucher)
    return respond(VoucherChecked.of(checked, allowed=refusal is None, voucher=voucher, refusal=refusal))


@routes.post("/v1/vouchers:use", responses={201: VoucherFields, 200: VoucherFields})
@needs("redemptions:write", idempotent=True)
def use(body: VoucherUseBody) -> Response:
    """Honour a voucher: once, whoever asks first."""
    asked = body.resolved()
    return answer_once(
        lambda context: vouchers.use_voucher(context, caller(), asked),
        body=body,
        present=lambda used: VoucherFields.of(used.voucher),
        ids=lambda used: [used.voucher.id],
        load=lambda context, _ids: vouchers.use_voucher(context, caller(), asked),
        status=lambda used: 200 if used.replayed else 201,
    )


@routes.post("/v1/vouchers/<voucher_id>/reversals", responses={201: VoucherReversalAnswer, 200: VoucherReversalAnswer})
@needs("redemptions:write", idempotent=True)
def undo(path: VoucherPath, body: VoucherReversalBody) -> Response:
    """Undo your use of a voucher, once, before the voucher's end: it buys its reward again.

    Only the merchant that used it may: another one gets 404. Refused with 409: `voucher_not_used`, `already_reversed`,
    `voucher_expired`, `voucher_cancelled` (its points came back after the use)."""
    asked = body.resolved()

    def run(context: Context) -> VoucherReversalOutcome:
        return undo_use(context, caller(), path.voucher_id, asked)

    return answer_once(
        run,
        body=body,
        present=lambda done: VoucherReversalAnswer.of(done.reversal),
        ids=lambda done: [done.reversal.id],
        load=lambda context, _ids: run(context),
        status=lambda done: 200 if done.replayed else 201,
    )
