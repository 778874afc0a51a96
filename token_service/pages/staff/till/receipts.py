"""One operation on its own page: what happened, what the member has now, what the programme promised; and what can follow."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from token_service.ledger import till_memberships
from token_service.ledger.memberships import get_membership, get_membership_refund
from token_service.ledger.purchases import get_purchase
from token_service.ledger.redemptions import get_redemption
from token_service.ledger.refunds import get_refund
from token_service.ledger.till import TillReceipt, receipt_of
from token_service.ledger.till_lines import TillLine
from token_service.ledger.views import Purchase
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.plans import can_refund, plan_of
from token_service.pages.staff.till.purchases import explained_purchase
from token_service.pages.staff.till.references import new_reference
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import completed_in_words, promise_in_words


def add_to(pages: Blueprint) -> None:
    """Adds /till/operations/…"""
    add_page(pages, "/till/operations/<operation_id>", "till_operation", operation, RULE)


def operation(operation_id: str) -> ResponseReturnValue:
    """The receipt; `again` says that the form had been recorded before."""
    receipt = receipt_of(services().context, person(), operation_id)
    more = _particulars(receipt)
    kept_at = more["purchase"].available_at if more["purchase"] else None
    return till_page(
        "receipt.html",
        customer=customer(receipt.line.member_id),
        line=receipt.line,
        balance=receipt.balance,
        again="again" in request.args,
        is_written=receipt.is_written,
        promise=promise_in_words(receipt, kept_at, services().ruleset()),
        **more,
    )


def _particulars(receipt: TillReceipt) -> dict[str, Any]:
    """What only some kinds have."""
    context, actor, line = services().context, person().actor, receipt.line
    purchase = get_purchase(context, actor, line.id) if line.kind == "purchase" else None
    redemption = get_redemption(context, actor, line.id) if line.kind == "redemption" else None
    return {
        "purchase": purchase,
        "refund": get_refund(context, actor, line.id) if line.kind == "refund" else None,
        "why": explained_purchase(purchase) if purchase else (),
        "completed": completed_in_words(purchase, services().ruleset()) if purchase else (),
        "delivery_reference": new_reference(context) if purchase and _is_awaited(purchase) else None,
        "can_refund": purchase is not None and purchase.refunded.amount < purchase.total.amount,
        "can_give_back": redemption is not None and not line.is_signed and redemption.reversed < redemption.points,
        "worth": redemption.value if redemption and not redemption.reward_id else None,
        **_membership(line),
    }


def _is_awaited(purchase: Purchase) -> bool:
    """Whether its delivery may be told now."""
    return purchase.delivery_by is not None and services().context.now() < purchase.delivery_by


def _membership(line: TillLine) -> dict[str, Any]:
    """The period that was sold or refunded, what it gives, and what its refund took back."""
    context, actor = services().context, person().actor
    if line.membership is None:
        return {"sold": None, "plan": None, "taken": None, "can_end": False}
    is_refund = line.kind == till_memberships.REFUNDED
    sold = get_membership(context, actor, (line.parent_id if is_refund else None) or line.id)
    return {
        "sold": sold,
        "plan": plan_of(services().ruleset_named(sold.ruleset), sold.membership),
        "taken": get_membership_refund(context, actor, line.id) if is_refund else None,
        "can_end": sold.ended_at is None and can_refund(sold),
    }
