"""Points used at the till, as payment or for a reward: looked at, confirmed; and given back when it was a mistake."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import AlreadyReversed, ReferenceConflict, Refused
from token_service.ledger.inputs import NewRedemption, NewReversal
from token_service.ledger.members import get_member
from token_service.ledger.redemptions import get_redemption, redeem, restore, simulate_redemption
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till, find_operation, refuse_own_card
from token_service.ledger.views import Outcome, Redemption, Reversal
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.order_form import ASKING, EDIT
from token_service.pages.staff.till.quotes import quote_form
from token_service.pages.staff.till.redemption_form import asked_for, asked_order, redemption_page
from token_service.pages.staff.till.references import new_reference, time_of
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import refusal_in_words


def add_to(pages: Blueprint) -> None:
    """Adds using a member's points, and giving them back."""
    path = "/till/members/<member_id>/redemption"
    add_page(pages, path, "till_redemption", redemption, RULE)
    add_page(pages, path, "till_redeem", redeem_points, RULE, post=True)
    path = "/till/redemptions/<redemption_id>/restoration"
    add_page(pages, path, "till_restoration", restoration, RULE)
    add_page(pages, path, "till_restore", restore_points, RULE, post=True)


def redemption(member_id: str) -> ResponseReturnValue:
    """What the points would buy and what would be left, or what is missing; under a reference that stays in the address."""
    asked = asked_for(request.args)
    if asked is None:
        return redemption_page(member_id, error="points", status=422)
    reference = request.args.get("reference", "")
    if time_of(reference) is None:
        address = url_for(
            "staff.till_redemption", member_id=member_id, reference=new_reference(services().context), **asked
        )
        return redirect(address, 303)
    known = find_operation(services().context, person(), "redemption", reference)
    if known is not None:
        return redirect(url_for("staff.till_operation", operation_id=known, again=1), 303)
    try:
        refuse_own_card(services().context, person(), member_id)
    except Refused as refusal:
        return redemption_page(member_id, asked, reference, refusal=refusal_in_words(refusal.code, {}), status=403)
    order = asked_order(member_id, asked, request.args)
    if order.typed.errors or request.args.get("do") == EDIT:
        order, status = replace(order, is_asking=order.form.is_asked), 422 if order.typed.errors else 200
        return redemption_page(member_id, asked, reference, order=order, status=status)
    new = NewRedemption(reference, member_id, order=order.typed.order, **asked)
    if get_member(services().context, person().actor, member_id).state == "left":
        return quote_form(new, asked, order)
    seen = simulate_redemption(services().context, person().actor, new)
    reason = seen.facts.get("reason")
    said = refusal_in_words(seen.refusal, seen.facts) if seen.refusal and reason not in ASKING else None
    order = order.answered(reason, seen.value.discount if seen.value else None)
    return redemption_page(member_id, asked, reference, refusal=said, order=order)


def redeem_points(member_id: str) -> ResponseReturnValue:
    """Uses them once, however often the form is sent."""
    asked, reference = asked_for(request.form), request.form.get("reference", "")
    if asked is None or time_of(reference) is None:
        return redemption_page(member_id, error="points", status=422)
    order = asked_order(member_id, asked, request.form)
    if order.typed.errors:
        order = replace(order, is_asking=True)
        return redemption_page(member_id, asked, reference, order=order, status=422)
    new = NewRedemption(reference, member_id, order=order.typed.order, **asked)
    try:
        done = at_till(
            services().context, person(), member_id, lambda joined: redeem(joined, person().actor, new), _redeemed
        )
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=conflict.facts["existing_id"])
    except Refused as refusal:
        said, order = refusal_in_words(refusal.code, refusal.facts), order.answered(refusal.facts.get("reason"), None)
        return redemption_page(member_id, asked, reference, refusal=said, status=409, order=order)
    return _to_receipt(done.value.id, replayed=done.replayed)


def restoration(redemption_id: str) -> ResponseReturnValue:
    """Asks whether all that is left of a redemption is to be given back."""
    found = get_redemption(services().context, person().actor, redemption_id)
    return _restoration_page(found, new_reference(services().context))


def restore_points(redemption_id: str) -> ResponseReturnValue:
    """Gives them back once, however often the form is sent."""
    context, actor, reference = services().context, person().actor, request.form.get("reference", "")
    found = get_redemption(context, actor, redemption_id)
    if time_of(reference) is None:
        return _restoration_page(found, new_reference(context), status=422)
    new = NewReversal(reference)
    try:
        done = at_till(
            context, person(), found.member_id, lambda joined: restore(joined, actor, redemption_id, new), _restored
        )
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=conflict.facts["existing_id"])
    except AlreadyReversed:
        return _restoration_page(get_redemption(context, actor, redemption_id), reference, status=409)
    except Refused as refusal:
        said = refusal_in_words(refusal.code, refusal.facts)
        return _restoration_page(found, reference, refusal=said, status=409)
    return _to_receipt(done.value.id, replayed=done.replayed)


def _restoration_page(
    found: Redemption, reference: str, *, refusal: str | None = None, status: int = 200
) -> ResponseReturnValue:
    left = found.points - found.reversed
    if not left and refusal is None:
        refusal = refusal_in_words("already_reversed", {})
    return till_page(
        "restoration.html",
        status,
        customer=customer(found.member_id),
        redemption=found,
        points=left,
        reference=reference,
        refusal=refusal,
    )


def _redeemed(done: Outcome[Redemption]) -> Deed | None:
    if done.replayed:
        return None
    value = done.value
    detail = {"points": value.points, "reward_id": value.reward_id}
    return Deed("points.redeemed", value.id, value.member_id, value.merchant_id, detail=detail)


def _restored(done: Outcome[Reversal]) -> Deed | None:
    if done.replayed:
        return None
    value = done.value
    detail = {"points": value.points, "redemption": value.original_id}
    return Deed("redemption.reversed", value.id, value.member_id, value.merchant_id, detail=detail)


def _to_receipt(operation_id: str, *, replayed: bool) -> ResponseReturnValue:
    return redirect(url_for("staff.till_operation", operation_id=operation_id, again=1 if replayed else None), 303)
