"""The delivery of an order, told from its receipt at the till."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, DeliveryNotAwaited
from token_service.ledger.context import Context
from token_service.ledger.deliveries import tell_delivery
from token_service.ledger.inputs import NewDelivery
from token_service.ledger.purchases import get_purchase
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till
from token_service.ledger.views import Outcome, Purchase
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.references import time_of
from token_service.pages.staff.till.screen import RULE


def add_to(pages: Blueprint) -> None:
    """Adds the button of a purchase that waits for its delivery."""
    add_page(pages, "/till/purchases/<purchase_id>/delivery", "till_delivery", deliver, RULE, post=True)


def deliver(purchase_id: str) -> ResponseReturnValue:
    """Delivered now; however often the form is sent, once. What waits for none any more shows its receipt as it is."""
    context, actor, reference = services().context, person().actor, request.form.get("reference", "")
    purchase = get_purchase(context, actor, purchase_id)
    receipt = url_for("staff.till_operation", operation_id=purchase_id)
    if time_of(reference) is None:
        return redirect(receipt, 303)

    def work(joined: Context) -> Outcome[Purchase]:
        return tell_delivery(joined, actor, purchase_id, NewDelivery(reference))

    try:
        at_till(context, person(), purchase.member_id, work, _deed)
    except (Conflict, DeliveryNotAwaited):
        return redirect(receipt, 303)
    return redirect(receipt, 303)


def _deed(done: Outcome[Purchase]) -> Deed | None:
    told = done.value
    if done.replayed:
        return None
    return Deed("purchase.delivered", told.id, member_id=told.member_id, merchant_id=told.merchant_id, detail={})
