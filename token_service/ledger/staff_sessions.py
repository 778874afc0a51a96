"""Staff sign in with e-mail and password; sessions of a working day; limits on guessing. Called by the pages, which draw
and hash the tokens.

Known and unknown addresses get the same answers in the same time, and both count against the limits.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from token_service.errors import OperatorError, TryAgain
from token_service.ledger import checks
from token_service.ledger.context import Context
from token_service.ledger.passwords import check_password, hash_password, is_password
from token_service.ledger.sessions import SEEN_STEP
from token_service.ledger.staff import Person, get_person
from token_service.ledger.staff_tables import staff, staff_attempts, staff_sessions

STAFF_SESSION_LIFETIME: Final = timedelta(hours=12)
EMAIL_ATTEMPTS: Final = ((timedelta(minutes=15), 10), (timedelta(days=1), 50))
"""Failed attempts at one address: at most so many in so long."""
CLIENT_ATTEMPTS: Final = ((timedelta(minutes=15), 30), (timedelta(days=1), 300))
"""Failed attempts from one client address."""
KEPT: Final = timedelta(days=1)


class Refusal(Enum):
    """Why nobody was signed in."""

    WRONG = "wrong"
    TOO_MANY = "too_many"


@dataclass(frozen=True)
class StaffSession:
    """A signed-in browser of somebody of the staff."""

    id: str
    person: Person
    expires_at: datetime


def sign_in_staff(
    context: Context, *, email: str, password: str, client_address: str, token_hash: str, device: str
) -> StaffSession | Refusal:
    """A session under `token_hash` for the right password of a person who is not disabled; else why not.

    `email` is normalised. The password is compared outside of any transaction: it takes a fifth of a second on purpose.
    """
    with context.store.read() as connection:
        if _is_too_often(connection, context.now(), email=email, client_address=client_address):
            return Refusal.TOO_MANY
        query = select(staff.c.id, staff.c.password_hash).where(staff.c.email == email, staff.c.disabled_at.is_(None))
        row = connection.execute(query).one_or_none()
    is_right = is_password(row.password_hash if row is not None else None, password)
    if row is None or not is_right:
        _note_failure(context, email, client_address)
        return Refusal.WRONG
    return open_staff_session(context, row.id, token_hash, device)


def staff_session_of(context: Context, token_hash: str) -> StaffSession | None:
    """The living session of a cookie, or None: it dies with its time, when signed out, and when its person is disabled."""
    now = context.now()
    with context.store.read() as connection:
        columns = staff_sessions.c
        query = select(staff_sessions).where(columns.token_hash == token_hash, columns.expires_at > now)
        row = connection.execute(query).first()
    if row is None:
        return None
    person = get_person(context, row.staff_id)
    if person.disabled_at is not None:
        return None
    if now - row.last_seen_at >= SEEN_STEP:
        with suppress(TryAgain, OperatorError), context.store.write() as connection:
            connection.execute(update(staff_sessions).where(columns.id == row.id).values(last_seen_at=now))
    return StaffSession(row.id, person, row.expires_at)


def end_staff_session(context: Context, session_id: str) -> None:
    """Signs the browser out. Repeatable."""
    with context.store.write() as connection:
        connection.execute(delete(staff_sessions).where(staff_sessions.c.id == session_id))


def change_password(context: Context, session: StaffSession, *, current: str, new: str) -> bool:
    """True if the password is the new one from now on, and every other session of the person has ended; False, and nothing
    changed, if `current` is not their password. Raises InvalidInput for a new one that is too short or the old one again.
    """
    check_password("/new", new)
    person_id = session.person.id
    with context.store.read() as connection:
        query = select(staff.c.password_hash).where(staff.c.id == person_id)
        stored = connection.execute(query).scalar_one()
    if not is_password(stored, current):
        return False
    if new == current:
        raise checks.wrong("/new", "must not be the old one")
    hashed = hash_password(new)
    with context.store.write() as connection:
        values = {"password_hash": hashed, "must_change": False}
        mine = update(staff).where(staff.c.id == person_id, staff.c.password_hash == stored)
        if not connection.execute(mine.values(**values)).rowcount:  # an owner has reset it meanwhile
            return False
        others = (staff_sessions.c.staff_id == person_id, staff_sessions.c.id != session.id)
        connection.execute(delete(staff_sessions).where(*others))
    return True


def open_staff_session(context: Context, person_id: str, token_hash: str, device: str) -> StaffSession:
    now = context.now()
    session_id, expires_at = context.new_id("sst"), now + STAFF_SESSION_LIFETIME
    with context.store.write() as connection:
        connection.execute(delete(staff_sessions).where(staff_sessions.c.expires_at <= now))
        connection.execute(
            insert(staff_sessions).values(
                id=session_id,
                token_hash=token_hash,
                staff_id=person_id,
                device=device,
                created_at=now,
                last_seen_at=now,
                expires_at=expires_at,
            )
        )
    return StaffSession(session_id, get_person(context, person_id), expires_at)


def _note_failure(context: Context, email: str, client_address: str) -> None:
    now = context.now()
    with context.store.write() as connection:
        connection.execute(delete(staff_attempts).where(staff_attempts.c.created_at < now - KEPT))
        values = {"email": email, "client_address": client_address, "created_at": now}
        connection.execute(insert(staff_attempts).values(**values))


def _is_too_often(connection: Connection, now: datetime, *, email: str, client_address: str) -> bool:
    columns = staff_attempts.c
    counted = ((columns.email == email, EMAIL_ATTEMPTS), (columns.client_address == client_address, CLIENT_ATTEMPTS))
    for whose, limits in counted:
        for span, most in limits:
            query = select(func.count()).select_from(staff_attempts).where(whose, columns.created_at > now - span)
            if connection.execute(query).scalar_one() >= most:
                return True
    return False
