"""Merchants: made, their ceilings, stores, totals. What the contract must know is sent there soon after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, InvalidInput
from token_service.ledger.api_keys import list_api_keys
from token_service.ledger.context import SCOPES, Context
from token_service.ledger.details import instant
from token_service.ledger.inputs import NewMerchant, NewStore
from token_service.ledger.merchant_totals import merchant_totals
from token_service.ledger.merchants import (
    create_merchant,
    create_store,
    find_store,
    get_merchant,
    list_merchants,
    list_stores,
    set_ceiling,
)
from token_service.ledger.period_figures import period_figures
from token_service.ledger.program_setup import get_program
from token_service.ledger.staff_trail import Deed, list_actions, perform
from token_service.ledger.views import Merchant, Store
from token_service.pages.services import services
from token_service.pages.staff.console.deeds import told
from token_service.pages.staff.console.forms import Words, once, text_mistake, whole_number
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext

LISTED: Final = 100
ACTIONS_SHOWN: Final = 10
FIGURES_OF_DAYS: Final = (7, 30, 90, 365)
PERIODS: Final = (86_400, 7 * 86_400, 30 * 86_400, 0)
"""What a ceiling's window may last, in seconds; 0 is one window for ever. Another one that is set already is offered too."""


@dataclass
class Filled:
    """A form of this page as it was filled in: which one, its values, what is wrong by field."""

    form: str = ""
    values: Words = field(default_factory=Words)
    mistakes: Words = field(default_factory=Words)


def add_to(pages: Blueprint) -> None:
    """Adds /console/merchants."""
    add_page(pages, "/console/merchants", "merchants", merchants, "merchants:read")
    add_page(pages, "/console/merchants/new", "merchant_new", new, "merchants:write")
    add_page(pages, "/console/merchants", "merchant_make", make, "merchants:write", post=True)
    path = "/console/merchants/<merchant_id>"
    add_page(pages, path, "merchant", merchant, "merchants:read")
    add_page(pages, f"{path}/ceiling", "merchant_ceiling", ceiling, "merchants:write", post=True)
    add_page(pages, f"{path}/stores", "merchant_store", store, "merchants:write", post=True)


def merchants() -> ResponseReturnValue:
    """All of them, by party number, and what the whole programme gave and took in of late."""
    given = services()
    page = list_merchants(given.context, person().actor, limit=LISTED, cursor=request.args.get("cursor"))
    days = int(found) if (found := request.args.get("days", "")) in map(str, FIGURES_OF_DAYS) else FIGURES_OF_DAYS[1]
    return render_template(
        "staff/console/merchants.html",
        program=given.ruleset().program,
        found=page,
        figures=period_figures(given.context, days),
        days=days,
        all_days=FIGURES_OF_DAYS,
    )


def new() -> ResponseReturnValue:
    return _new_page(Filled(values=Words(period=str(PERIODS[0]))))


def make() -> ResponseReturnValue:
    """The merchant; the one there is for the same form sent twice."""
    filled = _filled("merchant", "name", "points", "period")
    mistake = text_mistake(filled.values["name"], 100)
    if mistake:
        filled.mistakes["name"] = mistake
    points, period = _ceiling_of(filled, PERIODS)
    if filled.mistakes or points is None or period is None:
        return _new_page(filled), 422
    try:
        made = _make(NewMerchant(filled.values["name"], points, period))
    except Conflict:
        filled.mistakes["name"] = gettext("A merchant has this name already.")
        return _new_page(filled), 409
    return redirect(url_for("staff.merchant", merchant_id=made.id, done="made"), 303)


def merchant(merchant_id: str) -> ResponseReturnValue:
    """One merchant's page. NotFound for nobody's id."""
    return merchant_page(merchant_id, Filled())


def ceiling(merchant_id: str) -> ResponseReturnValue:
    """Another ceiling: a lower one at once, a higher one after the notice period."""
    context, filled = services().context, _filled("ceiling", "points", "period")
    now = get_merchant(context, person().actor, merchant_id).ceiling
    points, period = _ceiling_of(filled, (*PERIODS, now.period_seconds))
    if points is None or period is None:
        return merchant_page(merchant_id, filled), 422

    def work(joined: Context) -> Merchant:
        return set_ceiling(joined, person().actor, merchant_id, points, period)

    def deed(made: Merchant) -> Deed:
        acts_at = made.ceiling.next_at
        detail = {"ceiling_points": points, "ceiling_period_seconds": period}
        more = {"acts_at": instant(acts_at)} if acts_at is not None else {}
        return Deed("merchant.ceiling_changed", made.id, merchant_id=made.id, detail=detail | more)

    perform(context, person(), work, deed)
    return redirect(url_for("staff.merchant", merchant_id=merchant_id, done="ceiling"), 303)


def store(merchant_id: str) -> ResponseReturnValue:
    """One more store; the same one again for the same form."""
    context, filled = services().context, _filled("store", "external_id", "name")
    get_merchant(context, person().actor, merchant_id)
    for name in ("external_id", "name"):
        mistake = text_mistake(filled.values[name], 200)
        if mistake:
            filled.mistakes[name] = mistake
    if filled.mistakes:
        return merchant_page(merchant_id, filled), 422
    new_store = NewStore(filled.values["external_id"], filled.values["name"], merchant_id)
    try:
        _add_store(new_store)
    except (Conflict, InvalidInput):
        filled.mistakes["external_id"] = gettext("Another store has this name of yours already.")
        return merchant_page(merchant_id, filled), 409
    return redirect(url_for("staff.merchant", merchant_id=merchant_id, done="store"), 303)


def merchant_page(merchant_id: str, filled: Filled) -> str:
    """The page, with one of its forms as it was filled in."""
    given, actor = services(), person().actor
    found = get_merchant(given.context, actor, merchant_id)
    stores = list_stores(given.context, actor, merchant_id, LISTED, request.args.get("stores"))
    keys = list_api_keys(given.context, actor, merchant_id, LISTED, request.args.get("keys"))
    actions = list_actions(given.context, merchant_id=merchant_id, limit=ACTIONS_SHOWN).data
    return render_template(
        "staff/console/merchant.html",
        program=given.ruleset().program,
        books=get_program(given.context),
        merchant=found,
        totals=merchant_totals(given.context, merchant_id),
        stores=stores,
        keys=keys,
        scopes=SCOPES,
        actions=[told(action) for action in actions] if person().may("trail:read") else [],
        filled=filled,
        periods=tuple(dict.fromkeys((*PERIODS, found.ceiling.period_seconds))),
        once=once(),
        done=request.args.get("done"),
    )


def _make(new_merchant: NewMerchant) -> Merchant:
    def deed(made: Merchant) -> Deed:
        detail = {
            "ceiling_points": new_merchant.ceiling_points,
            "ceiling_period_seconds": new_merchant.ceiling_period_seconds,
        }
        return Deed("merchant.made", made.id, merchant_id=made.id, detail=detail)

    return perform(
        services().context, person(), lambda joined: create_merchant(joined, person().actor, new_merchant), deed
    )


def _add_store(new_store: NewStore) -> None:
    def work(joined: Context) -> tuple[Store, bool]:
        known = find_store(joined, person().actor, new_store.merchant_id, new_store.external_id)
        return create_store(joined, person().actor, new_store), known is None

    def deed(done: tuple[Store, bool]) -> Deed | None:
        made, is_new = done
        detail = {"external_id": made.external_id}
        return Deed("store.made", made.id, merchant_id=made.merchant_id, detail=detail) if is_new else None

    perform(services().context, person(), work, deed)


def _filled(form: str, *names: str) -> Filled:
    return Filled(form, Words((name, typed(name)) for name in names))


def _ceiling_of(filled: Filled, periods: tuple[int, ...]) -> tuple[int | None, int | None]:
    points = whole_number(filled.values["points"])
    if points is None:
        filled.mistakes["points"] = gettext("Write a whole number of points; 0 means none.")
    period = whole_number(filled.values["period"])
    if period not in periods:
        filled.mistakes["period"] = gettext("Choose one of these.")
        return points, None
    return points, period


def _new_page(filled: Filled) -> str:
    return render_template(
        "staff/console/merchant_new.html",
        program=services().ruleset().program,
        books=get_program(services().context),
        filled=filled,
        periods=PERIODS,
    )
