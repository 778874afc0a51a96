"""A purchase at the till: typed, looked at with what it earns and why, confirmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import CallerError, Conflict, InvalidInput, NotFound, ReferenceConflict, Refused
from token_service.ledger.context import Context
from token_service.ledger.purchases import record_purchase, simulate_purchase
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till, find_operation, refuse_own_card
from token_service.ledger.views import Outcome, Purchase
from token_service.pages.breakdown import Explained, explained
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.purchase_form import (
    LINES_MAX,
    LineForm,
    Parsed,
    PurchaseForm,
    parse,
    read_form,
    taxes_count,
)
from token_service.pages.staff.till.references import is_current, new_reference, time_of
from token_service.pages.staff.till.screen import RULE, customer, till_page
from token_service.pages.staff.till.words import completed_in_words, refusal_in_words
from token_service.program.earning import Line as RuleLine

EMPTY_LINES = 2
UNPAID = (InvalidInput, NotFound, Conflict)
"""What the ledger says of a redemption that did not pay for the purchase."""


def add_to(pages: Blueprint) -> None:
    """Adds the purchase of a member: its form and preview, and recording it."""
    path = "/till/members/<member_id>/purchase"
    add_page(pages, path, "till_purchase", purchase, RULE)
    add_page(pages, path, "till_record", record, RULE, post=True)


def purchase(member_id: str) -> ResponseReturnValue:
    """The form with what is wrong in it, or what the purchase would earn, under a reference that stays in the address."""
    form, context = read_form(request.args), services().context
    asked = request.args.get("do", "see")
    if asked in ("lines", "add"):
        return _form_page(member_id, form, {}, with_lines=True)
    parsed = parse(form, services().ruleset().program.currency)
    if asked == "see-lines" and not form.lines:
        return _form_page(member_id, form, {"amount-1": "empty"}, with_lines=True, status=422)
    if parsed.errors:
        return _form_page(member_id, form, parsed.errors, with_lines=bool(form.lines), status=422)
    reference = request.args.get("reference", "")
    known = _known(reference)
    if known is not None:
        return redirect(url_for("staff.till_operation", operation_id=known, again=1), 303)
    if not is_current(context, reference):
        query: dict[str, Any] = form.query | {"reference": new_reference(context)}
        return redirect(url_for("staff.till_purchase", member_id=member_id, **query), 303)
    return _preview(member_id, form, parsed, reference)


def record(member_id: str) -> ResponseReturnValue:
    """Records it once, however often the form is sent, and leads to its receipt."""
    form = read_form(request.form)
    parsed = parse(form, services().ruleset().program.currency)
    reference = request.form.get("reference", "")
    at = time_of(reference)
    if at is None or parsed.errors:
        return _form_page(member_id, form, parsed.errors, with_lines=bool(form.lines), status=422)
    if not is_current(services().context, reference) and _known(reference) is None:
        return _preview_page(member_id, form, parsed, reference, refusal_in_words("too_late", {}), status=409)
    new = parsed.purchase(reference=reference, at=at, member_id=member_id, store_id=person().store_id)

    def work(joined: Context) -> Outcome[Purchase]:
        return record_purchase(joined, person().actor, new)

    try:
        done = at_till(services().context, person(), member_id, work, _deed)
    except ReferenceConflict as conflict:
        return till_page("used_form.html", 409, existing_id=conflict.facts["existing_id"])
    except UNPAID as wrong:
        return _unpaid_page(member_id, form, parsed, wrong)
    except Refused as refusal:
        return _preview_page(
            member_id, form, parsed, reference, refusal_in_words(refusal.code, refusal.facts), status=409
        )
    again = 1 if done.replayed else None
    return redirect(url_for("staff.till_operation", operation_id=done.value.id, again=again), 303)


def explained_purchase(bought: Purchase) -> tuple[Explained, ...]:
    """Why so many points, one sentence a rule, by the rules that decided."""
    lines = (RuleLine(line.rule, line.points, line.why) for line in bought.breakdown)
    return explained(lines, services().ruleset_named(bought.ruleset))


def _known(reference: str) -> str | None:
    """The id of the purchase that a form of this reference recorded, or None."""
    return find_operation(services().context, person(), "purchase", reference) if time_of(reference) else None


def _deed(done: Outcome[Purchase]) -> Deed | None:
    if done.replayed:
        return None
    bought = done.value
    return Deed(
        "purchase.recorded",
        bought.id,
        member_id=bought.member_id,
        merchant_id=bought.merchant_id,
        detail={"points": bought.points, "total": bought.total.amount, "store_id": bought.store_id},
    )


def _preview(member_id: str, form: PurchaseForm, parsed: Parsed, reference: str) -> ResponseReturnValue:
    context, at = services().context, time_of(reference)
    assert at is not None
    new = parsed.purchase(reference=reference, at=at, member_id=member_id, store_id=person().store_id)
    try:
        refuse_own_card(context, person(), member_id)
    except Refused as refusal:
        return _preview_page(member_id, form, parsed, reference, refusal_in_words(refusal.code, {}), status=403)
    try:
        seen = simulate_purchase(context, person().actor, new)
    except UNPAID as wrong:
        return _unpaid_page(member_id, form, parsed, wrong)
    refusal_said = refusal_in_words(seen.refusal, seen.facts) if seen.refusal else None
    return _preview_page(member_id, form, parsed, reference, refusal_said, bought=seen.value)


def _unpaid_page(member_id: str, form: PurchaseForm, parsed: Parsed, wrong: CallerError) -> ResponseReturnValue:
    """The form, where the use of points that it names did not pay for this."""
    is_other = isinstance(wrong, InvalidInput) and all(place.pointer != "/paid_by" for place in wrong.places)
    if parsed.paid_by is None or is_other:
        raise wrong
    return _form_page(member_id, form, {"paid_by": "paid_by"}, with_lines=True, status=422)


def _preview_page(
    member_id: str,
    form: PurchaseForm,
    parsed: Parsed,
    reference: str,
    refusal: str | None,
    *,
    bought: Purchase | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    return till_page(
        "purchase.html",
        status,
        customer=customer(member_id),
        form=form,
        parsed=parsed,
        reference=reference,
        refusal=refusal,
        bought=bought,
        why=explained_purchase(bought) if bought else (),
        completed=completed_in_words(bought, services().ruleset()) if bought else (),
    )


def _form_page(
    member_id: str, form: PurchaseForm, errors: dict[str, str], *, with_lines: bool, status: int = 200
) -> ResponseReturnValue:
    if with_lines:
        empty = (LineForm(),) * min(EMPTY_LINES, LINES_MAX - len(form.lines))
        form = replace(form, total="", lines=(*form.lines, *empty))
    return till_page(
        "purchase_form.html",
        status,
        customer=customer(member_id),
        form=form,
        errors=errors,
        with_lines=with_lines,
        taxes_count=taxes_count(services().ruleset()),
    )
