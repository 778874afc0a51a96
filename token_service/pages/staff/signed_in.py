"""Who of the staff is signed in for the current request: `g.staff_session`."""

from __future__ import annotations

from typing import cast

from flask import g

from token_service.ledger.staff import Person
from token_service.ledger.staff_sessions import StaffSession, staff_session_of
from token_service.pages.cookies import hashed, read_cookie
from token_service.pages.services import services


def load_staff_session() -> None:
    """Fills `g.staff_session` (None for a stranger), and the page's language with the person's."""
    token = read_cookie("staff")
    g.staff_session = staff_session_of(services().context, hashed(token)) if token else None
    g.member_locale = g.staff_session.person.locale if g.staff_session is not None else None


def staff_session() -> StaffSession:
    """The session of this request; only on pages that need one."""
    return cast(StaffSession, g.staff_session)


def person() -> Person:
    """Who is signed in; only on pages that need somebody."""
    return staff_session().person
