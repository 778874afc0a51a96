"""A voucher at the till: looked at, honoured once, and its receipt. The first page's one field takes its code as well."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import ReferenceConflict, Refused, VoucherUnknown
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewVoucherUse
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.till_vouchers import holder_of, honoured_voucher
from token_service.ledger.views import VoucherUse
from token_service.ledger.vouchers import check_voucher, use_voucher
from token_service.pages.breakdown import reward_named
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.references import new_reference, time_of
from token_service.pages.staff.till.screen import RULE, till_error, till_page
from token_service.pages.staff.till.words import refusal_in_words

CODE_LENGTH_MAX = 100


def add_to(pages: Blueprint) -> None:
    """Adds honouring a voucher, and its receipt."""
    add_page(pages, "/till/vouchers/use", "till_use", use, RULE, post=True)
    add_page(pages, "/till/vouchers/<voucher_id>", "till_used", used, RULE)


def voucher_page(code: str) -> ResponseReturnValue:
    """What the voucher buys, or why not. The answer to a POST: its code is as good as money and stays out of addresses."""
    return _page(code, new_reference(services().context))


def use() -> ResponseReturnValue:
    """Honours it once, however often the form is sent."""
    code, reference = request.form.get("code", "")[:CODE_LENGTH_MAX], request.form.get("reference", "")
    if time_of(reference) is None:
        return voucher_page(code)
    actor, new = person().actor, NewVoucherUse(code=code, reference=reference, store_id=person().store_id)
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
        done = perform(services().context, person(), work, deed)
    except ReferenceConflict:
        return till_page("used_form.html", 409, existing_id=None)
    except VoucherUnknown:
        return till_error("voucher", code, status=422)
    except Refused as refusal:
        return _page(code, reference, said=refusal_in_words(refusal.code, refusal.facts), status=409)
    again = 1 if done.replayed else None
    return redirect(url_for("staff.till_used", voucher_id=done.voucher.id, again=again), 303)


def used(voucher_id: str) -> ResponseReturnValue:
    """The receipt of one that this shop honoured."""
    line = honoured_voucher(services().context, person(), voucher_id)
    return till_page("voucher_receipt.html", line=line, again="again" in request.args)


def _page(code: str, reference: str, *, said: str | None = None, status: int = 200) -> ResponseReturnValue:
    try:
        seen = check_voucher(services().context, person().actor, code)
    except VoucherUnknown:
        return till_error("voucher", code, status=422)
    if seen.refusal and said is None:
        said = refusal_in_words(seen.refusal, seen.facts)
    return till_page(
        "voucher.html",
        status,
        voucher=seen.voucher,
        name=reward_named(services().ruleset(), seen.voucher.reward_id),
        code=code,
        reference=reference,
        refusal=said,
    )
