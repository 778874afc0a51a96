"""Points of a customer who keeps them in a wallet of their own: the till asks, the customer signs, the till sees it arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, ReferenceConflict, Refused
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.mandates import cancel_mandate, get_mandate
from token_service.ledger.quotes import QuoteOutcome, preview_quote, quote
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.till import at_till, find_operation
from token_service.ledger.views import Mandate
from token_service.pages.breakdown import reward_named
from token_service.pages.commands import own_address
from token_service.pages.qr import qr
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.order_form import ASKING
from token_service.pages.staff.till.redemption_form import AskedOrder, asked_for, asked_order, redemption_page
from token_service.pages.staff.till.references import time_of
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import refusal_in_words
from token_service.program.rewards import value_of

WAITS: Final = ("unsigned", "sent")


def add_to(pages: Blueprint) -> None:
    """Adds asking for a signature, and how far it is."""
    add_page(pages, "/till/members/<member_id>/quote", "till_ask", ask, RULE, post=True)
    add_page(pages, "/till/quotes/<mandate_id>", "till_quote", asked, RULE)
    add_page(pages, "/till/quotes/<mandate_id>/cancel", "till_cancel_quote", cancel, RULE, post=True)


def quote_form(new: NewRedemption, wanted: dict[str, Any], order: AskedOrder) -> ResponseReturnValue:
    """What would be asked of the customer, or what speaks against it."""
    said, reason, off = None, None, None
    try:
        off = preview_quote(services().context, person().actor, new).discount
    except Refused as refusal:
        reason = refusal.facts.get("reason")
        said = None if reason in ASKING else refusal_in_words(refusal.code, refusal.facts)
    order = order.answered(reason, off)
    return redemption_page(new.member_id, wanted, new.reference, refusal=said, signs=True, order=order)


def ask(member_id: str) -> ResponseReturnValue:
    """Asks once, however often the form is sent."""
    wanted, reference = asked_for(request.form), request.form.get("reference", "")
    if wanted is None or time_of(reference) is None:
        return redemption_page(member_id, error="points", status=422)
    context, actor = services().context, person().actor
    order = asked_order(member_id, wanted, request.form)
    if order.typed.errors:
        return redemption_page(
            member_id, wanted, reference, status=422, signs=True, order=replace(order, is_asking=True)
        )
    new = NewRedemption(reference, member_id, order=order.typed.order, **wanted)
    try:
        done = at_till(context, person(), member_id, lambda joined: quote(joined, actor, new), _asked)
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=_redemption_named(conflict))
    except Conflict:  # the points came back into our keeping meanwhile
        return redirect(url_for("staff.till_redemption", member_id=member_id, reference=reference, **wanted), 303)
    except Refused as refusal:
        said = refusal_in_words(refusal.code, refusal.facts)
        order = order.answered(refusal.facts.get("reason"), None)
        return redemption_page(member_id, wanted, reference, refusal=said, status=409, signs=True, order=order)
    return redirect(url_for("staff.till_quote", mandate_id=done.mandate.id), 303)


def asked(mandate_id: str) -> ResponseReturnValue:
    """How far it is; the receipt as soon as the points are spent. The page's script looks again by itself."""
    return _page(get_mandate(services().context, person().actor, mandate_id))


def cancel(mandate_id: str) -> ResponseReturnValue:
    """Calls it off while nobody has signed."""
    context, actor = services().context, person().actor
    found = get_mandate(context, actor, mandate_id)
    deed = Deed("quote.cancelled", mandate_id, found.member_id, found.merchant_id)
    try:
        perform(context, person(), lambda joined: cancel_mandate(joined, actor, mandate_id), lambda _: deed)
    except Conflict:
        return redirect(url_for("staff.till_quote", mandate_id=mandate_id), 303)
    return redirect(url_for("staff.till_member", member_id=found.member_id), 303)


def _page(shown: Mandate) -> ResponseReturnValue:
    rules, points = services().ruleset(), shown.points or 0
    receipt = _receipt_of(shown)
    if receipt is not None:
        return redirect(url_for("staff.till_operation", operation_id=receipt), 303)
    link = f"{own_address(services())}{url_for('pages.mandate', mandate_id=shown.id)}"
    return till_page(
        "quote.html",
        customer=customer(shown.member_id),
        mandate=shown,
        waits=shown.state in WAITS,
        reward=reward_named(rules, shown.reward_id) if shown.reward_id else None,
        worth=value_of(rules, points) if rules.program.point_value and not shown.reward_id else None,
        link=link,
        qr=qr(link),
    )


def _receipt_of(shown: Mandate) -> str | None:
    """The redemption that it became."""
    if shown.state != "final" or shown.reference is None:
        return None
    return find_operation(services().context, person(), "redemption", shown.reference)


def _redemption_named(conflict: ReferenceConflict) -> str | None:
    """What the form was used for before, if that has a receipt."""
    existing = str(conflict.facts.get("existing_id", ""))
    return existing if existing.startswith("red_") else None


def _asked(done: QuoteOutcome) -> Deed | None:
    if not done.created:
        return None
    value = done.mandate
    detail = {"points": value.points, "reward_id": value.reward_id}
    return Deed("points.asked", value.id, value.member_id, value.merchant_id, detail=detail)
