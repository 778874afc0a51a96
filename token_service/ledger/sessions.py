"""Signing in with a code sent by e-mail: codes, sessions and the demo's mails, one database transaction each.

Called by the pages, which draw the secrets and hash them; here only hashes arrive. Whether an address belongs to a
member never changes what these functions do before the right code is given: neither answer nor duration tells it.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from token_service.errors import OperatorError, TryAgain
from token_service.ledger.context import Context
from token_service.ledger.session_tables import mails, sessions, sign_in_codes
from token_service.ledger.tables import members, merchants
from token_service.ledger.user_tables import member_users

CODE_LIFETIME: Final = timedelta(minutes=10)
ATTEMPTS_MAX: Final = 5
SESSION_LIFETIME: Final = timedelta(days=30)
SEEN_STEP: Final = timedelta(minutes=10)
"""A session's `last_seen_at` is written at most this often: a page view is a read."""
KEPT: Final = timedelta(days=1)
"""Codes and mails are deleted after this long."""
MAILS_SHOWN_MAX: Final = 50

EMAIL_LIMITS: Final = ((timedelta(minutes=15), 5), (timedelta(days=1), 20))
"""Codes for one e-mail address: at most so many in so long. 20 codes × 5 attempts a day: one chance in 10,000."""
CLIENT_LIMITS: Final = ((timedelta(minutes=15), 30), (timedelta(days=1), 300))
"""Codes asked from one client address."""


@dataclass(frozen=True)
class SignInMember:
    """A member that an e-mail address may sign in as; `merchant_name` says which card when there are several."""

    id: str
    name: str | None
    merchant_name: str
    locale: str | None


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `member_id` is None until one of several members is chosen."""

    id: str
    email: str
    member_id: str | None
    device: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Mail:
    """One mail of the demo's mailbox."""

    recipient: str
    subject: str
    body: str
    created_at: datetime


class CodeAnswer(Enum):
    """What became of a code that was typed in."""

    RIGHT = "right"
    WRONG = "wrong"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    EXPIRED = "expired"


@dataclass(frozen=True)
class SignIn:
    """`session` is there exactly if the code was right and its address belongs to a member."""

    answer: CodeAnswer
    session: Session | None = None
    members: tuple[SignInMember, ...] = ()


def normal_email(text: str) -> str:
    """An e-mail address as it is compared: trimmed, lower case."""
    return text.strip().lower()


def members_with_email(context: Context, email: str) -> tuple[SignInMember, ...]:
    """The members, not closed, that whoever reads this normalised address signs in to, oldest first; at most 20."""
    with context.store.read() as connection:
        return _members_with_email(connection, email)


def record_code(context: Context, *, ticket_hash: str, code_hash: str, email: str, client_address: str) -> bool:
    """True if a code for this address may be sent now, and it is recorded; False if the address or the client asked too
    often. `email` is normalised; a member behind it makes no difference."""
    now = context.now()
    with context.store.write() as connection:
        connection.execute(delete(sign_in_codes).where(sign_in_codes.c.created_at < now - KEPT))
        if not _may_ask(connection, now, email=email, client_address=client_address):
            return False
        connection.execute(
            insert(sign_in_codes).values(
                ticket_hash=ticket_hash,
                code_hash=code_hash,
                email=email,
                client_address=client_address,
                created_at=now,
                expires_at=now + CODE_LIFETIME,
            )
        )
    return True


def code_recipient(context: Context, ticket_hash: str) -> str | None:
    """The address that the browser with this ticket asked a code for, while that code can still be typed in."""
    with context.store.read() as connection:
        row = connection.execute(select(sign_in_codes).where(sign_in_codes.c.ticket_hash == ticket_hash)).first()
        return None if row is None or _refusal(row, context.now()) is not None else str(row.email)


def answer_code(context: Context, *, ticket_hash: str, code_hash: str, token_hash: str, device: str) -> SignIn:
    """What the code leads to; a right one is used up and opens a session under `token_hash`.

    Every wrong one counts as an attempt. The right code of an address without a member is answered WRONG: it was never
    sent to anybody. With exactly one member the session is that member's at once."""
    now = context.now()
    with context.store.write() as connection:
        # Locked: attempts made at the same time must each count.
        asked = select(sign_in_codes).where(sign_in_codes.c.ticket_hash == ticket_hash).with_for_update()
        row = connection.execute(asked).first()
        refusal = _refusal(row, now)
        if row is None or refusal is not None:
            return SignIn(refusal or CodeAnswer.EXPIRED)
        candidates = _members_with_email(connection, row.email)
        if not (hmac.compare_digest(row.code_hash, code_hash) and candidates):
            connection.execute(
                update(sign_in_codes).where(sign_in_codes.c.seq == row.seq).values(attempts=row.attempts + 1)
            )
            last = row.attempts + 1 >= ATTEMPTS_MAX
            return SignIn(CodeAnswer.TOO_MANY_ATTEMPTS if last else CodeAnswer.WRONG)
        connection.execute(update(sign_in_codes).where(sign_in_codes.c.seq == row.seq).values(used_at=now))
        session = Session(
            id=context.new_id("ses"),
            email=row.email,
            member_id=candidates[0].id if len(candidates) == 1 else None,
            device=device,
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
        connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
        connection.execute(insert(sessions).values(token_hash=token_hash, **vars(session)))
        return SignIn(CodeAnswer.RIGHT, session, candidates)


def session_of(context: Context, token_hash: str) -> Session | None:
    """The living session of a cookie, or None.

    It dies with its time, when signed out, and when its member no longer has the address that was proved."""
    now = context.now()
    with context.store.read() as connection:
        row = connection.execute(
            select(sessions).where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
        ).first()
        if row is None:
            return None
        session = _session(row)
        if session.member_id is not None:
            allowed = {member.id for member in _members_with_email(connection, session.email)}
            if session.member_id not in allowed:
                return None
    if now - session.last_seen_at >= SEEN_STEP:
        with suppress(TryAgain, OperatorError), context.store.write() as connection:  # reading goes on without writing
            connection.execute(update(sessions).where(sessions.c.id == session.id).values(last_seen_at=now))
    return session


def choose_member(context: Context, session: Session, member_id: str) -> bool:
    """True if the session is now that member's; False, and nothing changed, if the session's address is not theirs."""
    with context.store.write() as connection:
        if member_id not in {member.id for member in _members_with_email(connection, session.email)}:
            return False
        connection.execute(update(sessions).where(sessions.c.id == session.id).values(member_id=member_id))
    return True


def sessions_of(context: Context, email: str) -> tuple[Session, ...]:
    """The living sessions of an address, the last seen first."""
    with context.store.read() as connection:
        rows = connection.execute(
            select(sessions)
            .where(sessions.c.email == email, sessions.c.expires_at > context.now())
            .order_by(sessions.c.last_seen_at.desc(), sessions.c.id)
        )
        return tuple(_session(row) for row in rows)


def end_session(context: Context, *, email: str, session_id: str) -> bool:
    """True if that session was one of this address and is gone now."""
    with context.store.write() as connection:
        result = connection.execute(delete(sessions).where(sessions.c.id == session_id, sessions.c.email == email))
        return result.rowcount > 0


def set_locale(context: Context, *, member_id: str, locale: str) -> None:
    """The member's pages and mails are in this language from now on."""
    with context.store.write() as connection:
        connection.execute(update(members).where(members.c.id == member_id).values(locale=locale))


def keep_mail(context: Context, *, recipient: str, subject: str, body: str) -> None:
    """A mail for the demo's mailbox; those older than a day are dropped."""
    now = context.now()
    with context.store.write() as connection:
        connection.execute(delete(mails).where(mails.c.created_at < now - KEPT))
        connection.execute(insert(mails).values(recipient=recipient, subject=subject, body=body, created_at=now))


def kept_mails(context: Context) -> tuple[Mail, ...]:
    """The demo's mails, newest first, at most 50."""
    with context.store.read() as connection:
        rows = connection.execute(select(mails).order_by(mails.c.seq.desc()).limit(MAILS_SHOWN_MAX))
        return tuple(Mail(row.recipient, row.subject, row.body, row.created_at) for row in rows)


def _members_with_email(connection: Connection, email: str) -> tuple[SignInMember, ...]:
    as_user = select(member_users.c.member_id).where(member_users.c.email == email)
    rows = connection.execute(
        select(members.c.id, members.c.name, merchants.c.name.label("merchant_name"), members.c.locale)
        .join(merchants, merchants.c.id == members.c.merchant_id)
        .where(or_(members.c.email == email, members.c.id.in_(as_user)), members.c.state != "closed")
        .order_by(members.c.id)
        .limit(20)
    )
    return tuple(SignInMember(row.id, row.name, row.merchant_name, row.locale) for row in rows)


def _may_ask(connection: Connection, now: datetime, *, email: str, client_address: str) -> bool:
    counted = (
        (sign_in_codes.c.email == email, EMAIL_LIMITS),
        (sign_in_codes.c.client_address == client_address, CLIENT_LIMITS),
    )
    for whose, limits in counted:
        for span, most in limits:
            query = (
                select(func.count()).select_from(sign_in_codes).where(whose, sign_in_codes.c.created_at > now - span)
            )
            if connection.execute(query).scalar_one() >= most:
                return False
    return True


def _refusal(row: Row[Any] | None, now: datetime) -> CodeAnswer | None:
    if row is None or row.used_at is not None or now >= row.expires_at:
        return CodeAnswer.EXPIRED
    return CodeAnswer.TOO_MANY_ATTEMPTS if row.attempts >= ATTEMPTS_MAX else None


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        email=row.email,
        member_id=row.member_id,
        device=row.device,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
    )
