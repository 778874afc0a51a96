"""The people of the staff: listed, added, given a new first password (shown once), shut out, let in again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, InvalidInput, NotFound, Refused
from token_service.ledger.context import Actor, Context
from token_service.ledger.merchants import list_stores, public_merchants
from token_service.ledger.staff import (
    NewPerson,
    Person,
    PersonWithPassword,
    add_person,
    disable_person,
    draw_password,
    enable_person,
    get_person,
    list_people,
    reset_password,
)
from token_service.ledger.staff_roles import MERCHANT_ROLES
from token_service.ledger.staff_trail import Deed, perform
from token_service.pages.services import services
from token_service.pages.staff.console.forms import Words, named, text_mistake
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.console.roles import role_names
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext
from token_service.units import PROGRAM_PARTY


@dataclass
class Filled:
    """The form of a new person."""

    values: Words = field(default_factory=lambda: Words(role="support"))
    mistakes: Words = field(default_factory=Words)


def add_to(pages: Blueprint) -> None:
    """Adds /console/people."""
    add_page(pages, "/console/people", "people", people, "staff:read")
    add_page(pages, "/console/people/new", "person_new", new, "staff:write")
    add_page(pages, "/console/people", "person_add", add, "staff:write", post=True)
    path = "/console/people/<person_id>"
    add_page(pages, f"{path}/reset", "person_reset", reset, "staff:write", post=True)
    add_page(pages, f"{path}/disable", "person_disable", disable, "staff:write", post=True)
    add_page(pages, f"{path}/enable", "person_enable", enable, "staff:write", post=True)


def people() -> ResponseReturnValue:
    """Everybody, those without access last."""
    return _list_page()


def new() -> ResponseReturnValue:
    return _new_page(Filled())


def add() -> ResponseReturnValue:
    """The answer is the only page that ever shows the first password."""
    filled = Filled(Words((name, typed(name, 254)) for name in ("email", "name", "role", "store")))
    merchant_id, _, store_id = filled.values["store"].partition("/")
    mistake = text_mistake(filled.values["name"], 100)
    if mistake:
        filled.mistakes["name"] = mistake
    is_cashier = filled.values["role"] in MERCHANT_ROLES
    if is_cashier and not merchant_id:
        filled.mistakes["store"] = gettext("A cashier works for a shop: choose it.")
    if filled.mistakes:
        return _new_page(filled), 422
    place = (merchant_id, store_id or None) if is_cashier else (None, None)
    try:
        made = _add(NewPerson(filled.values["email"], filled.values["name"], filled.values["role"], *place))
    except Conflict:
        filled.mistakes["email"] = gettext("Somebody of the staff has this e-mail address already.")
        return _new_page(filled), 409
    except (InvalidInput, NotFound) as error:
        filled.mistakes |= _told(error)
        return _new_page(filled), 422
    return _password_page(made)


def reset(person_id: str) -> ResponseReturnValue:
    """A new first password, shown on this answer only; the person is signed out everywhere."""
    context = services().context
    get_person(context, person_id)
    drawn = draw_password(context)
    made = perform(
        context,
        person(),
        lambda joined: reset_password(joined, person().actor, person_id, drawn),
        lambda done: Deed("person.password_reset", done.person.id),
    )
    return _password_page(made)


def disable(person_id: str) -> ResponseReturnValue:
    try:
        _change(person_id, disable_person, "person.disabled")
    except Refused:
        return _list_page(
            gettext("The last owner stays: nobody could let them in again. Add another owner first.")
        ), 409
    return redirect(url_for("staff.people"), 303)


def enable(person_id: str) -> ResponseReturnValue:
    _change(person_id, enable_person, "person.enabled")
    return redirect(url_for("staff.people"), 303)


def _add(new_person: NewPerson) -> PersonWithPassword:
    context = services().context
    drawn = draw_password(context)

    def deed(made: PersonWithPassword) -> Deed:
        one = made.person
        return Deed("person.added", one.id, merchant_id=one.merchant_id, detail={"role": one.role})

    return perform(context, person(), lambda joined: add_person(joined, person().actor, new_person, drawn), deed)


def _change(person_id: str, change: Callable[[Context, Actor, str], Person], action: str) -> None:
    def work(joined: Context) -> tuple[Person, bool]:
        before = get_person(joined, person_id)
        after = change(joined, person().actor, person_id)
        return after, before.disabled_at != after.disabled_at

    def deed(done: tuple[Person, bool]) -> Deed | None:
        return Deed(action, done[0].id) if done[1] else None

    perform(services().context, person(), work, deed)


def _told(error: InvalidInput | NotFound) -> dict[str, str]:
    if named(error.places, "/email"):
        return {"email": gettext("Write an e-mail address, for example name@example.com.")}
    if named(error.places, "/role"):
        return {"role": gettext("Choose one of these.")}
    return {"store": gettext("There is no such shop any more.")}


def _list_page(refused: str | None = None) -> str:
    everybody = list_people(services().context)
    return render_template(
        "staff/console/people.html",
        program=services().ruleset().program,
        everybody=sorted(everybody, key=lambda one: one.disabled_at is not None),
        roles=role_names(),
        refused=refused,
    )


def _new_page(filled: Filled) -> str:
    return render_template(
        "staff/console/person_new.html",
        program=services().ruleset().program,
        filled=filled,
        roles=role_names(),
        places=_places(),
    )


def _places() -> list[tuple[str, str]]:
    """(value, name) of every shop that a cashier can work for, each merchant's whole first."""
    context, found = services().context, []
    for merchant in public_merchants(context):
        if merchant.party == PROGRAM_PARTY:
            continue
        found.append((f"{merchant.id}/", merchant.name))
        stores = list_stores(context, person().actor, merchant.id, 100).data
        found += [(f"{merchant.id}/{store.id}", f"{merchant.name}, {store.name}") for store in stores]
    return found


def _password_page(made: PersonWithPassword) -> str:
    return render_template("staff/console/password_once.html", program=services().ruleset().program, made=made)
