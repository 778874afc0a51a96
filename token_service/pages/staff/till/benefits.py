"""A benefit at the till: what a customer may use now, used once, its receipt, and undone.

The same form sent twice records one use (references.py); nobody of the staff uses a benefit of their own card.
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import AlreadyReversed, ReferenceConflict, Refused
from token_service.ledger.benefit_rows import USE
from token_service.ledger.benefit_using import get_use_here, reverse_use, use_benefit
from token_service.ledger.benefits import get_benefit, list_benefits
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewBenefitUse, NewUseReversal
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till, find_operation, refuse_own_card
from token_service.ledger.till_benefits import used_benefit
from token_service.ledger.views import BenefitUsed, UseOutcome
from token_service.pages.benefits_in_words import ShownBenefit, left_in_words, shown_benefit
from token_service.pages.breakdown import benefit_named
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.references import is_current, new_reference, time_of
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import refusal_in_words


def add_to(pages: Blueprint) -> None:
    """Adds using a benefit, its receipt, and undoing it."""
    path = "/till/members/<member_id>/benefits/<benefit>"
    add_page(pages, path, "till_benefit", benefit_page, RULE)
    add_page(pages, path, "till_use_benefit", use, RULE, post=True)
    path = "/till/uses/<use_id>"
    add_page(pages, path, "till_benefit_used", used, RULE)
    add_page(pages, path + "/undo", "till_undo", ask_to_undo, RULE)
    add_page(pages, path + "/undo", "till_undo_use", undo, RULE, post=True)


def benefits_of_customer(member_id: str) -> list[ShownBenefit]:
    """What the customer has: what may be used now, and what is used up."""
    rules = services().ruleset()
    found = list_benefits(services().context, person().actor, member_id)
    return [shown_benefit(one, rules) for one in found if one.has_grant]


def benefit_page(member_id: str, benefit: str) -> ResponseReturnValue:
    """What is left of it, and whether to use it, under a reference that stays in the address."""
    reference, context = request.args.get("reference", ""), services().context
    known = find_operation(context, person(), USE, reference) if time_of(reference) else None
    if known is not None:
        return _to_receipt(known, replayed=True)
    if not is_current(context, reference):
        made = new_reference(context)
        return redirect(url_for("staff.till_benefit", member_id=member_id, benefit=benefit, reference=made), 303)
    try:
        refuse_own_card(context, person(), member_id)
    except Refused as refusal:
        return _page(member_id, benefit, reference, said=refusal_in_words(refusal.code, {}), status=403)
    return _page(member_id, benefit, reference)


def use(member_id: str, benefit: str) -> ResponseReturnValue:
    """Records it once, however often the form is sent, and leads to its receipt."""
    context, reference = services().context, request.form.get("reference", "")
    if time_of(reference) is None:
        return redirect(url_for("staff.till_benefit", member_id=member_id, benefit=benefit), 303)
    if not is_current(context, reference) and find_operation(context, person(), USE, reference) is None:
        return _page(member_id, benefit, reference, said=refusal_in_words("too_late", {}), status=409)
    new = NewBenefitUse(reference, store_id=person().store_id)

    def work(joined: Context) -> UseOutcome:
        return use_benefit(joined, person().actor, member_id, benefit, new)

    try:
        done = at_till(context, person(), member_id, work, lambda done: _deed("benefit.used", done))
    except ReferenceConflict:
        return till_page("used_form.html", 409, existing_id=None)
    except Refused as refusal:
        said = refusal_in_words(refusal.code, refusal.facts)
        return _page(member_id, benefit, reference, said=said, status=409)
    return _to_receipt(done.use.id, replayed=done.replayed)


def used(use_id: str) -> ResponseReturnValue:
    """The receipt of a use at this shop."""
    one = get_use_here(services().context, person().actor, use_id)
    return till_page(
        "benefit_receipt.html",
        customer=customer(one.member_id),
        line=used_benefit(services().context, person(), use_id),
        use=one,
        left=left_in_words(one),
        again="again" in request.args,
    )


def ask_to_undo(use_id: str) -> ResponseReturnValue:
    """Asks whether to take it back."""
    one = get_use_here(services().context, person().actor, use_id)
    return _undo_page(one, new_reference(services().context))


def undo(use_id: str) -> ResponseReturnValue:
    """Takes it back once, however often the form is sent."""
    context, reference = services().context, request.form.get("reference", "")
    one = get_use_here(context, person().actor, use_id)
    if time_of(reference) is None:
        return _undo_page(one, new_reference(context), status=422)

    def work(joined: Context) -> UseOutcome:
        where = {"use_id": one.id, "member_id": one.member_id, "benefit": one.benefit}
        return reverse_use(joined, person().actor, NewUseReversal(reference), **where)

    try:
        done = at_till(context, person(), one.member_id, work, lambda done: _deed("benefit.undone", done))
    except ReferenceConflict:
        return till_page("used_form.html", 409, existing_id=None)
    except AlreadyReversed:
        return _to_receipt(use_id, replayed=True)
    except Refused as refusal:
        return _undo_page(one, reference, said=refusal_in_words(refusal.code, refusal.facts), status=409)
    return _to_receipt(use_id, replayed=done.replayed)


def _page(
    member_id: str, benefit: str, reference: str, *, said: str | None = None, status: int = 200
) -> ResponseReturnValue:
    found, rules = get_benefit(services().context, person().actor, member_id, benefit), services().ruleset()
    if said is None and not found.granted:
        said = refusal_in_words(found.reason, {"next_at": found.next_at})
    return till_page(
        "benefit.html",
        status,
        customer=customer(member_id),
        benefit=shown_benefit(found, rules) if found.has_grant else None,
        benefit_id=benefit,
        name=benefit_named(rules, benefit),
        reference=reference,
        refusal=said,
        can_use=found.granted,
    )


def _undo_page(one: BenefitUsed, reference: str, *, said: str | None = None, status: int = 200) -> ResponseReturnValue:
    try:
        refuse_own_card(services().context, person(), one.member_id)
    except Refused as refusal:
        said, status = refusal_in_words(refusal.code, {}), 403
    if said is None and one.reversed_at is not None:
        said = refusal_in_words("already_reversed", {})
    return till_page(
        "benefit_undo.html",
        status,
        customer=customer(one.member_id),
        use=one,
        name=benefit_named(services().ruleset_named(one.ruleset), one.benefit),
        reference=reference,
        refusal=said,
    )


def _deed(action: str, done: UseOutcome) -> Deed | None:
    if done.replayed:
        return None
    return Deed(action, done.use.id, done.use.member_id, done.use.merchant_id, detail={"benefit": done.use.benefit})


def _to_receipt(use_id: str, *, replayed: bool) -> ResponseReturnValue:
    return redirect(url_for("staff.till_benefit_used", use_id=use_id, again=1 if replayed else None), 303)
