"""A voucher at the till: looked at, honoured once, and its receipt, where the use is undone. The first page's one field takes its
code as well.
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import AlreadyReversed, ReferenceConflict, Refused, VoucherUnknown
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewVoucherReversal, NewVoucherUse
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.till import at_till
from token_service.ledger.till_lines import TillLine
from token_service.ledger.till_vouchers import holder_of, honoured_voucher
from token_service.ledger.views import Money, VoucherReversalOutcome, VoucherUse
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.vouchers import check_voucher, use_voucher
from token_service.pages.breakdown import reward_named
from token_service.pages.reward_words import came_off, terms_in_words
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.order_form import ASKING, EDIT, UNFIT, Parsed, order_form, parsed_order
from token_service.pages.staff.till.references import new_reference, time_of
from token_service.pages.staff.till.screen import RULE, till_error, till_page
from token_service.pages.staff.till.words import refusal_in_words
from token_service.pages.translation import gettext

CODE_LENGTH_MAX = 100


def add_to(pages: Blueprint) -> None:
    """Adds honouring a voucher, its receipt, and undoing that."""
    add_page(pages, "/till/vouchers/use", "till_use", use, RULE, post=True)
    path = "/till/vouchers/<voucher_id>"
    add_page(pages, path, "till_used", used, RULE)
    add_page(pages, path + "/undo", "till_ask_voucher_back", ask_to_undo, RULE)
    add_page(pages, path + "/undo", "till_voucher_back", undo, RULE, post=True)


def voucher_page(code: str) -> ResponseReturnValue:
    """What the voucher buys, or why not. The answer to a POST: its code is as good as money and stays out of addresses."""
    return _page(code, new_reference(services().context))


def use() -> ResponseReturnValue:
    """Honours it once, however often the form is sent; or looks first what comes off the order that was typed."""
    code, reference = request.form.get("code", "")[:CODE_LENGTH_MAX], request.form.get("reference", "")
    if time_of(reference) is None:
        return voucher_page(code)
    actor, context = person().actor, services().context
    try:
        form = order_form(check_voucher(context, actor, code).voucher.terms, request.form)
    except VoucherUnknown:
        return till_error("voucher", code, status=422)
    typed = parsed_order(form, services().ruleset().program.currency)
    if typed.errors or "do" in request.form:
        return _page(code, reference, typed, status=422 if typed.errors else 200)
    new = NewVoucherUse(code=code, reference=reference, store_id=person().store_id, order=typed.order)
    holder: list[str] = []

    def work(joined: Context) -> VoucherUse:
        done = use_voucher(joined, actor, new)
        holder.append(holder_of(joined, done.voucher.id))
        return done

    def deed(done: VoucherUse) -> Deed | None:
        if done.replayed:
            return None
        return Deed("voucher.used", done.voucher.id, holder[-1], detail={"reward_id": done.voucher.reward_id})

    try:
        done = perform(context, person(), work, deed)
    except ReferenceConflict:
        return till_page("used_form.html", 409, existing_id=None)
    except AlreadyReversed:
        said = gettext("This use was undone. Begin again to use the voucher.")
        return _page(code, reference, typed, said=said, status=409)
    except Refused as refusal:
        return _page(code, reference, typed, said=refusal_in_words(refusal.code, refusal.facts), status=409)
    again = 1 if done.replayed else None
    return redirect(url_for("staff.till_used", voucher_id=done.voucher.id, again=again), 303)


def used(voucher_id: str) -> ResponseReturnValue:
    """The receipt of one that this shop honoured."""
    line = honoured_voucher(services().context, person(), voucher_id)
    off = None if line.discount is None else Money(line.discount, services().ruleset().program.currency)
    return till_page("voucher_receipt.html", line=line, came_off=came_off(off), again="again" in request.args)


def ask_to_undo(voucher_id: str) -> ResponseReturnValue:
    """Asks whether to take the use back."""
    line = honoured_voucher(services().context, person(), voucher_id)
    return _undo_page(line, new_reference(services().context))


def undo(voucher_id: str) -> ResponseReturnValue:
    """Takes it back once, however often the form is sent: the use that the form was made for, never a later one."""
    context, reference = services().context, request.form.get("reference", "")
    line = honoured_voucher(context, person(), voucher_id)
    if time_of(reference) is None:
        return _undo_page(line, new_reference(context), status=422)
    new = NewVoucherReversal(reference, use_reference=request.form.get("use") or line.reference)
    holder = holder_of(context, voucher_id)

    def work(joined: Context) -> VoucherReversalOutcome:
        return undo_use(joined, person().actor, voucher_id, new)

    def deed(done: VoucherReversalOutcome) -> Deed | None:
        if done.replayed:
            return None
        return Deed("voucher.undone", voucher_id, holder, detail={"reward_id": done.reversal.reward_id})

    try:
        done = at_till(context, person(), holder, work, deed)
    except ReferenceConflict:
        return till_page("used_form.html", 409, existing_id=None)
    except AlreadyReversed:
        return redirect(url_for("staff.till_used", voucher_id=voucher_id, again=1), 303)
    except Refused as refusal:
        said = _why_not_undone(refusal)
        return _undo_page(line, reference, said=said, status=409)
    again = 1 if done.replayed else None
    return redirect(url_for("staff.till_used", voucher_id=voucher_id, again=again), 303)


def _why_not_undone(refusal: Refused) -> str:
    if refusal.code == "voucher_expired":
        return gettext("This voucher’s time is over: its use can no longer be undone.")
    if refusal.code == "voucher_cancelled":
        return gettext("This voucher’s points were given back: its use can no longer be undone.")
    return refusal_in_words(refusal.code, refusal.facts)


def _undo_page(line: TillLine, reference: str, *, said: str | None = None, status: int = 200) -> ResponseReturnValue:
    if said is None and line.undone_at is not None:
        said = gettext("This use was undone before.")
    return till_page("voucher_undo.html", status, line=line, reference=reference, refusal=said)


def _page(
    code: str, reference: str, typed: Parsed | None = None, *, said: str | None = None, status: int = 200
) -> ResponseReturnValue:
    """`typed`: what the form of the order says, once it was sent."""
    order = None if typed is None else typed.order
    try:
        seen = check_voucher(services().context, person().actor, code, order=order)
    except VoucherUnknown:
        return till_error("voucher", code, status=422)
    form, reason = order_form(seen.voucher.terms, request.form), seen.facts.get("reason")
    is_unfit = reason in UNFIT
    if seen.refusal and said is None and not (is_unfit and reason in ASKING):
        said = refusal_in_words(seen.refusal, seen.facts)
    is_asking = form.is_asked and (order is None or is_unfit or request.form.get("do") == EDIT)
    return till_page(
        "voucher.html",
        status,
        voucher=seen.voucher,
        name=reward_named(services().ruleset(), seen.voucher.reward_id),
        code=code,
        reference=reference,
        terms=terms_in_words(seen.voucher.terms),
        comes_off=came_off(seen.discount),
        form=form,
        errors={} if typed is None else typed.errors,
        is_asking=is_asking and (seen.refusal is None or is_unfit),
        refusal=said,
    )
