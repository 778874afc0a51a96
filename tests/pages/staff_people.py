"""People of every role for the tests of staff's pages, signed in without the slow password where that is not the point."""

from __future__ import annotations

from hashlib import sha256

from flask import Flask
from pages_town import Browser, Town

from token_service.ledger.context import Actor
from token_service.ledger.staff import NewPerson, Person, add_person
from token_service.ledger.staff_roles import MERCHANT_ROLES
from token_service.ledger.staff_sessions import open_staff_session
from token_service.ledger.staff_tables import staff


def hire(town: Town, role: str, email: str | None = None, **more: str | None) -> Person:
    """Somebody with a password of their own already."""
    merchant = {"merchant_id": town.merchant_id, "store_id": town.store_id} if role in MERCHANT_ROLES else {}
    new = NewPerson(email or f"{role}@example.com", role.title(), role, **(merchant | more))
    person = add_person(town.context, Actor.admin(), new).person
    with town.context.store.write() as connection:
        connection.execute(staff.update().where(staff.c.id == person.id).values(must_change=False))
    return person


def signed_in(town: Town, person: Person, app: Flask | None = None) -> Browser:
    """A browser with this person's session."""
    token = town.context.random_bytes(32).hex()
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    browser = Browser((app or town.app()).test_client())
    browser.client.set_cookie("staff", token)
    return browser
