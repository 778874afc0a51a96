"""Who is signed in for the current request: `g.session`, `g.member_locale`; and the member as the ledger's actor."""

from __future__ import annotations

from typing import cast

from flask import g

from token_service.ledger.context import Actor
from token_service.ledger.sessions import Session, members_with_email, session_of
from token_service.pages.cookies import hashed, read_cookie
from token_service.pages.services import services


def load_session() -> None:
    """Fills `g.session` (None for a stranger) and `g.member_locale`, before anything asks for the page's language."""
    g.session = None
    g.member_locale = None
    token = read_cookie("session")
    if token is None:
        return
    g.session = session_of(services().context, hashed(token))
    if g.session is not None and g.session.member_id is not None:
        own = [m for m in members_with_email(services().context, g.session.email) if m.id == g.session.member_id]
        g.member_locale = own[0].locale if own else None


def session() -> Session:
    """The session of this request; only on pages that need one."""
    return cast(Session, g.session)


def member_id() -> str:
    """The signed-in member; only on pages that need one."""
    chosen = session().member_id
    assert chosen is not None
    return chosen


def actor() -> Actor:
    """The signed-in member, as the ledger asks who asks."""
    return Actor.member(member_id())
