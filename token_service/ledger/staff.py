"""The people who work with the programme: added, shown, given a new password, disabled, enabled (roles: staff_roles.py).

A password is drawn by the service, shown once, and changed by its owner at the first sign-in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from token_service.errors import Conflict, NotFound, Refused
from token_service.ledger import checks
from token_service.ledger.context import Actor, Context
from token_service.ledger.passwords import drawn_password, hash_password
from token_service.ledger.sessions import normal_email
from token_service.ledger.staff_roles import MERCHANT_ROLES, PERMISSIONS, may
from token_service.ledger.staff_tables import staff, staff_sessions
from token_service.ledger.tables import merchants, stores
from token_service.ledger.transaction import Transaction, read, write

EMAIL_LENGTH_MAX = 254


@dataclass(frozen=True)
class Person:
    """One of the staff. `merchant_id` and perhaps `store_id` are a cashier's; others work for the programme."""

    id: str
    email: str
    name: str
    role: str
    merchant_id: str | None
    merchant_name: str | None
    store_id: str | None
    store_name: str | None
    must_change: bool
    locale: str | None
    created_at: datetime
    disabled_at: datetime | None

    def may(self, permission: str) -> bool:
        """Whether this person's role has the permission."""
        return may(self.role, permission)

    @property
    def actor(self) -> Actor:
        """Who asks the ledger: a cashier as the merchant, the others as the programme; entries name the person's id."""
        if self.merchant_id is not None:
            return Actor.merchant(self.merchant_id, name=self.id)
        return Actor.admin(self.id)


@dataclass(frozen=True)
class NewPerson:
    """Somebody to add. `merchant_id` exactly for a cashier."""

    email: str
    name: str
    role: str
    merchant_id: str | None = None
    store_id: str | None = None
    locale: str | None = None


@dataclass(frozen=True)
class PersonWithPassword:
    """A person and the password that was drawn for them: shown once, not stored."""

    person: Person
    password: str = field(repr=False)


@dataclass(frozen=True)
class DrawnPassword:
    """A first password and its hash, which takes its time on purpose: draw it before a transaction begins."""

    text: str = field(repr=False)
    hashed: str = field(repr=False)


def draw_password(context: Context) -> DrawnPassword:
    """A fresh one."""
    text = drawn_password(context.random_bytes)
    return DrawnPassword(text, hash_password(text))


def add_person(
    context: Context, actor: Actor, new: NewPerson, drawn: DrawnPassword | None = None
) -> PersonWithPassword:
    """The person, with a drawn password that must be changed at the first sign-in.

    Raises Forbidden (admins only), InvalidInput, NotFound (merchant, store), Conflict when the address is taken.
    """
    actor.need_admin()
    password = drawn or draw_password(context)

    def work(tx: Transaction) -> Person:
        row = _checked(tx, new) | {"id": tx.new_id("stf"), "password_hash": password.hashed, "must_change": True}
        tx.connection.execute(insert(staff).values(created_at=tx.now, **row))
        return _person(tx.connection, str(row["id"]))

    return PersonWithPassword(write(context, work), password.text)


def reset_password(
    context: Context, actor: Actor, person_id: str, drawn: DrawnPassword | None = None
) -> PersonWithPassword:
    """A newly drawn password; every session of the person ends. Raises Forbidden, NotFound."""
    actor.need_admin()
    password = drawn or draw_password(context)

    def work(tx: Transaction) -> Person:
        _person(tx.connection, person_id)
        _change(tx.connection, person_id, password_hash=password.hashed, must_change=True)
        _end_sessions(tx.connection, person_id)
        return _person(tx.connection, person_id)

    return PersonWithPassword(write(context, work), password.text)


def disable_person(context: Context, actor: Actor, person_id: str) -> Person:
    """The person, who can no longer sign in and is signed out. Repeatable. Raises Forbidden, NotFound, and Refused for the
    last owner: nobody could let them in again.
    """
    actor.need_admin()

    def work(tx: Transaction) -> Person:
        found = _person(tx.connection, person_id)
        if _owners(tx.connection) == [found.id]:
            raise Refused("the programme's last owner stays: add another one first")
        _change(tx.connection, person_id, disabled_at=found.disabled_at or tx.now)
        _end_sessions(tx.connection, person_id)
        return _person(tx.connection, person_id)

    return write(context, work)


def enable_person(context: Context, actor: Actor, person_id: str) -> Person:
    """The person, who may sign in again. Repeatable. Raises Forbidden, NotFound."""
    actor.need_admin()

    def work(tx: Transaction) -> Person:
        _person(tx.connection, person_id)
        _change(tx.connection, person_id, disabled_at=None)
        return _person(tx.connection, person_id)

    return write(context, work)


def list_people(context: Context) -> tuple[Person, ...]:
    """All of them, the disabled ones too, by name."""
    with context.store.read() as connection:
        rows = connection.execute(_people().order_by(func.lower(staff.c.name), staff.c.id)).all()
    return tuple(person_of(row) for row in rows)


def find_person(context: Context, email: str) -> Person | None:
    """The person with this address, if there is one."""
    with context.store.read() as connection:
        row = connection.execute(_people().where(staff.c.email == normal_email(email))).one_or_none()
    return None if row is None else person_of(row)


def get_person(context: Context, person_id: str) -> Person:
    """Raises NotFound."""
    return read(context, lambda tx: _person(tx.connection, person_id))


def set_staff_locale(context: Context, person_id: str, locale: str) -> None:
    """The person's language from now on."""
    with context.store.write() as connection:
        _change(connection, person_id, locale=locale)


def person_of(row: Row[Any]) -> Person:
    """The person of a row of `_people`."""
    return Person(**{name: row._mapping[name] for name in Person.__dataclass_fields__})


def _checked(tx: Transaction, new: NewPerson) -> dict[str, object]:
    if new.role not in PERMISSIONS:
        raise checks.wrong("/role", f"must be one of {', '.join(PERMISSIONS)}")
    email = normal_email(checks.text("/email", new.email, longest=EMAIL_LENGTH_MAX))
    if email.count("@") != 1 or email.startswith("@") or email.endswith("@"):
        raise checks.wrong("/email", "must be an e-mail address")
    if (new.role in MERCHANT_ROLES) != (new.merchant_id is not None):
        raise checks.wrong("/merchant_id", "a cashier works for a merchant, and nobody else does")
    if new.merchant_id is not None:
        tx.merchant(new.merchant_id)
    if new.store_id is not None:
        _check_store(tx.connection, new)
    if tx.connection.execute(select(staff.c.id).where(staff.c.email == email)).first() is not None:
        raise Conflict("somebody of the staff has this e-mail address already")
    name = checks.text("/name", new.name, longest=100)
    return {
        "email": email,
        "name": name,
        "role": new.role,
        "merchant_id": new.merchant_id,
        "store_id": new.store_id,
        "locale": checks.optional_text("/locale", new.locale, longest=16),
    }


def _check_store(connection: Connection, new: NewPerson) -> None:
    query = select(stores.c.id).where(stores.c.id == new.store_id, stores.c.merchant_id == new.merchant_id)
    if connection.execute(query).first() is None:
        raise NotFound("no such store of this merchant")


def _people() -> Any:
    joined = staff.outerjoin(merchants, merchants.c.id == staff.c.merchant_id)
    joined = joined.outerjoin(stores, stores.c.id == staff.c.store_id)
    names = merchants.c.name.label("merchant_name"), stores.c.name.label("store_name")
    return select(*staff.c, *names).select_from(joined)


def _person(connection: Connection, person_id: str) -> Person:
    row = connection.execute(_people().where(staff.c.id == person_id)).one_or_none()
    if row is None:
        raise NotFound("nobody of the staff has this id")
    return person_of(row)


def _owners(connection: Connection) -> list[str]:
    """The ids of those with access, locked: two owners who disable each other at the same moment take turns."""
    query = select(staff.c.id).where(staff.c.role == "owner", staff.c.disabled_at.is_(None))
    return list(connection.execute(query.order_by(staff.c.id).with_for_update()).scalars())


def _change(connection: Connection, person_id: str, **values: object) -> None:
    connection.execute(update(staff).where(staff.c.id == person_id).values(**values))


def _end_sessions(connection: Connection, person_id: str) -> None:
    connection.execute(delete(staff_sessions).where(staff_sessions.c.staff_id == person_id))
