"""The till's first page: one field for the code that a member shows or the shop's own card number. And the member it led to."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import MemberCodeExpired, NotFound, OwnCard, TooManyRequests
from token_service.ledger.member_codes import LENGTH, member_by_code
from token_service.ledger.members import find_member
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.shown_codes import normal_code
from token_service.ledger.till import DAY_MAX, find_operation, purchases_of, refuse_own_card
from token_service.ledger.till_quotes import open_quotes
from token_service.ledger.till_vouchers import open_rewards
from token_service.ledger.views import Member
from token_service.ledger.voucher_rows import CODE_LENGTH as VOUCHER_LENGTH
from token_service.pages.breakdown import reward_named
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.benefits import benefits_of_customer
from token_service.pages.staff.till.offers import offers
from token_service.pages.staff.till.plans import standings
from token_service.pages.staff.till.purchase_form import PurchaseForm, taxes_count
from token_service.pages.staff.till.screen import RULE, customer, till_error, till_page
from token_service.pages.staff.till.vouchers import voucher_page

TYPED_LENGTH_MAX = 200


def add_to(pages: Blueprint) -> None:
    """Adds /till, the whole day, finding members and purchases, and the member's page."""
    add_page(pages, "/till", "till", till, RULE)
    add_page(pages, "/till/day", "till_day", whole_day, RULE)
    add_page(pages, "/till/find", "till_find", find, RULE, post=True)
    add_page(pages, "/till/purchases", "till_search", search, RULE)
    add_page(pages, "/till/members/<member_id>", "till_member", member, RULE)


def till() -> ResponseReturnValue:
    return till_error("")


def whole_day() -> ResponseReturnValue:
    """Everything of today, up to 500 lines, with its sums."""
    return till_page("day.html", lines=DAY_MAX)


def find() -> ResponseReturnValue:
    """To the member's page, or the voucher whose code it is. The card number is tried first: looking one up counts as no
    guess at a code.
    """
    typed = request.form.get("code", "").strip()[:TYPED_LENGTH_MAX]
    if not typed:
        return till_error("empty", status=422)
    found = _by_card_number(typed)
    if found is None and normal_code(typed, VOUCHER_LENGTH) is not None:
        return voucher_page(typed)
    try:
        found = found or member_by_code(services().context, person().actor, typed)
    except MemberCodeExpired:
        return till_error("code" if normal_code(typed, LENGTH) else "number", typed, status=422)
    except TooManyRequests:
        return till_error("too_many", status=429)
    return redirect(url_for("staff.till_member", member_id=found.id), 303)


def search() -> ResponseReturnValue:
    """To the receipt of a purchase of this shop, by the reference on it."""
    typed = request.args.get("reference", "").strip()[:TYPED_LENGTH_MAX]
    for reference in dict.fromkeys((typed, typed.upper())):
        found = find_operation(services().context, person(), "purchase", reference) if reference else None
        if found is not None:
            return redirect(url_for("staff.till_operation", operation_id=found), 303)
    return till_error("reference", typed_reference=typed, status=422)


def member(member_id: str) -> ResponseReturnValue:
    """What the member has, and what can be done for them."""
    shown, rules = customer(member_id), services().ruleset()
    if shown.member.id != member_id:  # an account that became part of this one
        return redirect(url_for("staff.till_member", member_id=shown.member.id))
    try:
        refuse_own_card(services().context, person(), member_id)
    except OwnCard:
        return till_page("own_card.html", 403, customer=shown)
    return till_page(
        "member.html",
        customer=shown,
        form=PurchaseForm(),
        errors={},
        taxes_count=taxes_count(rules),
        offers=offers(rules, list_reward_standings(services().context, person().actor, shown.member.id)),
        benefits=benefits_of_customer(shown.member.id),
        memberships=standings(shown.member.id, rules),
        quotes=open_quotes(services().context, person(), member_id),
        vouchers=[reward_named(rules, one) for one in open_rewards(services().context, member_id)],
        purchases=purchases_of(services().context, person(), member_id),
    )


def _by_card_number(typed: str) -> Member | None:
    try:
        return find_member(services().context, person().actor, typed)
    except NotFound:
        return None
