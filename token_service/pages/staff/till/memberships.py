"""A paid membership at the till: what a customer holds, a period sold or renewed, and one refunded.

A period is sold at the price of the rules in force when the form was made, and begins then: every time the same form is sent, it
says the same (references.py).
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import AlreadyReversed, ReferenceConflict, Refused
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewMembership, NewReversal
from token_service.ledger.memberships import (
    get_membership,
    refund_membership,
    sell_membership,
    simulate_membership,
    simulate_membership_refund,
)
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till, find_operation, refuse_own_card
from token_service.ledger.views import Membership, Outcome, Reversal
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.plans import can_refund, later_periods, plan_of
from token_service.pages.staff.till.references import is_current, new_reference, time_of
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import refusal_in_words


def add_to(pages: Blueprint) -> None:
    """Adds selling a period of a membership, and refunding one."""
    path = "/till/members/<member_id>/membership"
    add_page(pages, path, "till_membership", membership, RULE)
    add_page(pages, path, "till_sell", sell, RULE, post=True)
    path = "/till/memberships/<membership_id>/refund"
    add_page(pages, path, "till_membership_refund", refund, RULE)
    add_page(pages, path, "till_end_membership", give_back, RULE, post=True)


def membership(member_id: str) -> ResponseReturnValue:
    """What the period costs, when it begins and ends and what it gives, under a reference that stays in the address."""
    name, reference, context = request.args.get("membership", ""), request.args.get("reference", ""), services().context
    known = _known("event", reference)
    if known is not None:
        return _to_receipt(known, replayed=True)
    if not is_current(context, reference):
        if plan_of(services().ruleset(), name) is None:
            abort(404)
        made = new_reference(context)
        return redirect(url_for("staff.till_membership", member_id=member_id, membership=name, reference=made), 303)
    new = _asked(member_id, name, reference)
    try:
        refuse_own_card(context, person(), member_id)
    except Refused as refusal:
        return _page(new, refusal_in_words(refusal.code, {}), status=403)
    seen = simulate_membership(context, person().actor, new)
    return _page(new, refusal_in_words(seen.refusal, seen.facts) if seen.refusal else None, seen.value)


def sell(member_id: str) -> ResponseReturnValue:
    """Sells it once, however often the form is sent, and leads to its receipt."""
    name, reference, context = request.form.get("membership", ""), request.form.get("reference", ""), services().context
    if time_of(reference) is None:
        return redirect(url_for("staff.till_membership", member_id=member_id, membership=name), 303)
    new = _asked(member_id, name, reference)
    if not is_current(context, reference) and _known("event", reference) is None:
        return _page(new, refusal_in_words("too_late", {}), status=409)

    def work(joined: Context) -> Outcome[Membership]:
        return sell_membership(joined, person().actor, new)

    try:
        done = at_till(context, person(), member_id, work, _sold)
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=conflict.facts["existing_id"])
    except Refused as refusal:
        return _page(new, refusal_in_words(refusal.code, refusal.facts), status=409)
    return _to_receipt(done.value.id, replayed=done.replayed)


def refund(membership_id: str) -> ResponseReturnValue:
    """How much money is to be paid back, and what ends; asks whether to do it."""
    sold = get_membership(services().context, person().actor, membership_id)
    return _refund_page(sold, new_reference(services().context))


def give_back(membership_id: str) -> ResponseReturnValue:
    """Refunds it once, however often the form is sent."""
    context, actor, reference = services().context, person().actor, request.form.get("reference", "")
    sold = get_membership(context, actor, membership_id)
    known = _known("reversal", reference)
    if known is not None:
        return _to_receipt(known, replayed=True)
    if time_of(reference) is None or not can_refund(sold):
        return _refund_page(sold, new_reference(context), status=422)
    made: list[str] = []

    def work(joined: Context) -> Outcome[Membership]:
        done = refund_membership(joined, actor, membership_id, NewReversal(reference))
        made.append(find_operation(joined, person(), "reversal", reference) or "")
        return done

    try:
        at_till(context, person(), sold.member_id, work, lambda done: _refunded(done, made[-1]))
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=conflict.facts["existing_id"])
    except AlreadyReversed:
        return _refund_page(get_membership(context, actor, membership_id), reference, status=409)
    except Refused as refusal:
        return _refund_page(sold, reference, said=refusal_in_words(refusal.code, refusal.facts), status=409)
    return _to_receipt(made[-1], replayed=False)


def _asked(member_id: str, name: str, reference: str) -> NewMembership:
    return NewMembership(reference, name, member_id=member_id, occurred_at=time_of(reference))


def _page(
    new: NewMembership, refusal: str | None, sold: Membership | None = None, *, status: int = 200
) -> ResponseReturnValue:
    rules = services().ruleset() if sold is None else services().ruleset_named(sold.ruleset)
    plan = plan_of(rules, new.membership)
    if plan is None:  # a refused form for a membership that the rules had when it was made
        abort(404)
    return till_page(
        "membership.html",
        status,
        customer=customer(new.member_id or ""),
        plan=plan,
        sold=sold,
        reference=new.reference,
        refusal=refusal,
    )


def _refund_page(
    sold: Membership, reference: str, *, said: str | None = None, status: int = 200
) -> ResponseReturnValue:
    context, actor = services().context, person().actor
    taken: Reversal | None = None
    try:
        refuse_own_card(context, person(), sold.member_id)
    except Refused as refusal:
        said, status = refusal_in_words(refusal.code, {}), 403
    if said is None and sold.ended_at is not None:
        said = refusal_in_words("already_reversed", {})
    elif said is None and not can_refund(sold):
        said = refusal_in_words("membership_over", {})
    elif said is None:
        seen = simulate_membership_refund(context, actor, sold.id, NewReversal(reference))
        said, taken = (refusal_in_words(seen.refusal, seen.facts) if seen.refusal else None), seen.value
    shown = customer(sold.member_id)
    return till_page(
        "membership_refund.html",
        status,
        customer=shown,
        plan=plan_of(services().ruleset_named(sold.ruleset), sold.membership),
        sold=sold,
        later=later_periods(shown.member.id, sold),
        taken=taken,
        reference=reference,
        refusal=said,
    )


def _known(kind: str, reference: str) -> str | None:
    """The id of what a form of this reference recorded, or None."""
    return find_operation(services().context, person(), kind, reference) if time_of(reference) else None


def _sold(done: Outcome[Membership]) -> Deed | None:
    if done.replayed:
        return None
    value = done.value
    detail = {"membership": value.membership, "paid": value.paid.amount, "points": value.points}
    return Deed("membership.sold", value.id, value.member_id, value.merchant_id, detail=detail)


def _refunded(done: Outcome[Membership], refund_id: str) -> Deed | None:
    if done.replayed:
        return None
    value = done.value
    detail = {"membership": value.membership, "paid_back": value.paid.amount}
    return Deed("membership.refunded", refund_id, value.member_id, value.merchant_id, detail=detail)


def _to_receipt(operation_id: str, *, replayed: bool) -> ResponseReturnValue:
    return redirect(url_for("staff.till_operation", operation_id=operation_id, again=1 if replayed else None), 303)
