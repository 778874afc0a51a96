"""A refund at the till: a purchase's rest, an amount or lines; what is taken back is said before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import ReferenceConflict, Refused
from token_service.ledger.inputs import NewRefund, NewRefundItem
from token_service.ledger.purchases import get_purchase
from token_service.ledger.refunds import refund_purchase, simulate_refund
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till, find_operation, refuse_own_card
from token_service.ledger.views import Outcome, Purchase, Refund
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.amounts import parse_amount, parse_whole
from token_service.pages.staff.till.references import new_reference, time_of
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import refusal_in_words

WHOLE: Final = "whole"


@dataclass(frozen=True)
class Asked:
    """What is to be given back, as the address or the form says it: the rest, an amount as typed, or pieces of lines.

    `rest`: what "the rest" was when the form was shown; another one by now is no longer what was agreed to.
    """

    what: str
    amount: str = ""
    pieces: tuple[tuple[int, int], ...] = ()
    rest: int | None = None

    @property
    def query(self) -> dict[str, str]:
        """The same again, for an address or hidden fields."""
        pieces = {f"pieces-{line}": str(quantity) for line, quantity in self.pieces}
        return {"what": self.what, "amount": self.amount, **pieces}

    def refund(self, purchase: Purchase, reference: str) -> NewRefund | None:
        """What the ledger is asked; None if nothing sensible was typed."""
        if self.what == "lines":
            items = tuple(NewRefundItem(line, quantity) for line, quantity in self.pieces)
            return NewRefund(reference, items=items) if items else None
        rest = self.rest or purchase.total.amount - purchase.refunded.amount
        amount = rest if self.what == WHOLE else parse_amount(self.amount, purchase.total.currency)
        return NewRefund(reference, amount=amount) if amount else None


def add_to(pages: Blueprint) -> None:
    """Adds the refund of a purchase: its form and preview, and recording it."""
    path = "/till/purchases/<purchase_id>/refund"
    add_page(pages, path, "till_refund", refund, RULE)
    add_page(pages, path, "till_give_back", give_back, RULE, post=True)


def refund(purchase_id: str) -> ResponseReturnValue:
    """What can be given back; or what a refund would take back, under a reference that stays in the address."""
    context, actor = services().context, person().actor
    purchase = get_purchase(context, actor, purchase_id)
    asked = _asked(request.args, purchase)
    if asked is None:
        return _page(purchase)
    reference = request.args.get("reference", "")
    new = asked.refund(purchase, reference)
    if new is None:
        return _page(purchase, error=asked.what, typed=asked.amount, status=422)
    if time_of(reference) is None:
        query: dict[str, Any] = asked.query | {"reference": new_reference(context)}
        return redirect(url_for("staff.till_refund", purchase_id=purchase_id, **query), 303)
    known = find_operation(context, person(), "refund", reference)
    if known is not None:
        return _to_receipt(known, replayed=True)
    try:
        refuse_own_card(context, person(), purchase.member_id)
        seen = simulate_refund(context, actor, purchase_id, new)
    except Refused as refusal:
        return _page(purchase, refusal=refusal_in_words(refusal.code, refusal.facts), status=403)
    if seen.value is None:
        return _page(purchase, refusal=refusal_in_words(seen.refusal or "", seen.facts), status=422)
    return _preview(purchase, asked, reference, seen.value)


def give_back(purchase_id: str) -> ResponseReturnValue:
    """Records the refund once, however often the form is sent."""
    context, actor, reference = services().context, person().actor, request.form.get("reference", "")
    purchase = get_purchase(context, actor, purchase_id)
    asked = _asked(request.form, purchase)
    known = find_operation(context, person(), "refund", reference)
    if known is not None:  # asked again: what is left of the purchase is another amount now
        return _to_receipt(known, replayed=True)
    new = asked.refund(purchase, reference) if asked is not None else None
    if new is None or time_of(reference) is None:
        return _page(purchase, error=asked.what if asked else WHOLE, status=422)
    try:
        done = at_till(
            context,
            person(),
            purchase.member_id,
            lambda joined: refund_purchase(joined, actor, purchase_id, new),
            _deed,
        )
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=conflict.facts["existing_id"])
    except Refused as refusal:
        return _page(purchase, refusal=refusal_in_words(refusal.code, refusal.facts), status=409)
    return _to_receipt(done.value.id, replayed=done.replayed)


def _asked(values: Any, purchase: Purchase) -> Asked | None:
    """What was asked for; None if nothing was yet."""
    what = values.get("what", "")
    if what not in (WHOLE, "amount", "lines"):
        return None
    pieces = []
    for item in purchase.items:
        quantity = parse_whole(values.get(f"pieces-{item.line}", ""))
        if quantity:
            pieces.append((item.line, quantity))
    return Asked(
        what,
        values.get("amount", "")[:30] if what == "amount" else "",
        tuple(pieces) if what == "lines" else (),
        parse_whole(values.get("rest", "")) if what == WHOLE else None,
    )


def _page(
    purchase: Purchase, *, error: str = "", typed: str = "", refusal: str | None = None, status: int = 200
) -> ResponseReturnValue:
    return till_page(
        "refund_form.html",
        status,
        customer=customer(purchase.member_id),
        purchase=purchase,
        rest=purchase.total.amount - purchase.refunded.amount,
        error=error,
        typed=typed,
        refusal=refusal,
    )


def _preview(purchase: Purchase, asked: Asked, reference: str, seen: Refund) -> ResponseReturnValue:
    return till_page(
        "refund.html",
        customer=customer(purchase.member_id),
        purchase=purchase,
        hidden=asked.query | ({"rest": str(seen.amount.amount)} if asked.what == WHOLE else {}),
        reference=reference,
        refund=seen,
        taken=seen.reversed + seen.debt + seen.pending_cancelled,
    )


def _deed(done: Outcome[Refund]) -> Deed | None:
    if done.replayed:
        return None
    value = done.value
    detail = {"amount": value.amount.amount, "reversed": value.reversed, "debt": value.debt, "kept": value.kept}
    return Deed("purchase.refunded", value.id, value.member_id, value.merchant_id, detail=detail)


def _to_receipt(operation_id: str, *, replayed: bool) -> ResponseReturnValue:
    return redirect(url_for("staff.till_operation", operation_id=operation_id, again=1 if replayed else None), 303)
