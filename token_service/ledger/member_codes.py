"""The short code that a member's page shows and a till reads: who holds it up is that member, for five minutes.

Eight characters (shown_codes.py): 40 random bits, stored as a hash only. A code may be read more than once while it lives, so
that a till may ask again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from token_service.errors import Conflict, Forbidden, MemberCodeExpired, TooManyRequests
from token_service.ledger import shown_codes, tables, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.members import member_view
from token_service.ledger.staff_tables import member_code_attempts, member_codes
from token_service.ledger.transaction import Transaction, write

LIFETIME: Final = timedelta(minutes=5)
LENGTH: Final = 8
ALIVE_MAX: Final = 10
"""Codes of one member that live at once; the oldest makes room."""

FAILURES_SPAN: Final = timedelta(minutes=5)
FAILURES_MAX: Final = 100
"""Wrong codes from one merchant in that time, all its tills together. With 10,000 codes alive at once, so many guesses find one
of them with a chance of one in a million; tills under way at the same moment may add a few."""


@dataclass(frozen=True, slots=True)
class MemberCode:
    """`code` is written "XXXX-XXXX"; it opens nothing from `expires_at` on."""

    code: str = field(repr=False)
    expires_at: datetime


def new_code(context: Context, actor: Actor) -> MemberCode:
    """A fresh code of the member who asks; earlier ones live on until their time. Raises Forbidden for anybody else."""
    member_id = actor.member_id
    if member_id is None:
        raise Forbidden("only a member has a code to show")
    code, now = shown_codes.written(context.random_bytes(LENGTH), LENGTH), context.now()
    expires_at = now + LIFETIME

    def work(connection: Connection) -> None:
        _make_room(connection, member_id, now)
        row = {
            "code_hash": shown_codes.code_hash(code),
            "member_id": member_id,
            "created_at": now,
            "expires_at": expires_at,
        }
        connection.execute(insert(member_codes).values(**row))

    context.store.transact(work)
    return MemberCode(shown_codes.grouped(code), expires_at)


def member_by_code(context: Context, actor: Actor, typed: str, merchant_id: str | None = None) -> views.Member:
    """The member who shows this code, and whom the merchant may see from now on. Capitals, spaces and hyphens make no difference,
    nor do O for 0, I or L for 1.

    Raises MemberCodeExpired, for unknown and expired ones alike, TooManyRequests after too many of those.
    """
    merchant = actor.acting_merchant(merchant_id)
    code = shown_codes.normal_code(typed, LENGTH)
    if code is None:
        raise MemberCodeExpired("this code is not valid, or no longer: ask the member to show a new one")

    def work(tx: Transaction) -> views.Member | None:
        tx.merchant(merchant)
        _check_failures(tx, merchant)
        columns = member_codes.c
        query = select(columns.member_id).join(tables.members, tables.members.c.id == columns.member_id)
        query = query.where(columns.code_hash == shown_codes.code_hash(code), columns.expires_at > tx.now)
        member_id = tx.connection.execute(query.where(tables.members.c.state != "closed")).scalar_one_or_none()
        if member_id is None:
            tx.connection.execute(insert(member_code_attempts).values(merchant_id=merchant, created_at=tx.now))
            return None
        _link(tx, merchant, member_id)
        return member_view(tx, tx.account(member_id), merchant)

    found = write(context, work)  # a wrong code is counted, so it must not undo the transaction
    if found is None:
        raise MemberCodeExpired("this code is not valid, or no longer: ask the member to show a new one")
    return found


def _make_room(connection: Connection, member_id: str, now: datetime) -> None:
    """Deletes every code whose time is over, and of the member's others the oldest, until there is room for one more."""
    columns = member_codes.c
    connection.execute(delete(member_codes).where(columns.expires_at <= now))
    own = select(columns.code_hash).where(columns.member_id == member_id)
    newest = own.order_by(columns.created_at.desc(), columns.code_hash).limit(ALIVE_MAX - 1)
    kept = list(connection.execute(newest).scalars())
    connection.execute(delete(member_codes).where(columns.member_id == member_id, columns.code_hash.not_in(kept)))


def _check_failures(tx: Transaction, merchant_id: str) -> None:
    """Raises TooManyRequests when this merchant gave too many wrong codes; forgets those that no longer count."""
    columns, since = member_code_attempts.c, tx.now - FAILURES_SPAN
    tx.connection.execute(delete(member_code_attempts).where(columns.created_at <= since))
    count = select(func.count()).select_from(member_code_attempts).where(columns.merchant_id == merchant_id)
    if tx.connection.execute(count).scalar_one() >= FAILURES_MAX:
        raise TooManyRequests(
            "too many codes were wrong; wait before trying more",
            retry_after_seconds=int(FAILURES_SPAN.total_seconds()),
        )


def _link(tx: Transaction, merchant_id: str, member_id: str) -> None:
    """The merchant sees the member from now on, under the member's own id unless it knows them already."""
    links = tables.member_merchants.c
    of_merchant = select(links.member_id, links.external_id).where(links.merchant_id == merchant_id)
    known = of_merchant.where((links.member_id == member_id) | (links.external_id == member_id))
    rows = tx.connection.execute(known).all()
    if any(row.member_id == member_id for row in rows):
        return
    if rows:
        raise Conflict("another member is enrolled under this member's id", existing_id=rows[0].member_id)
    link = {"merchant_id": merchant_id, "external_id": member_id, "member_id": member_id, "since": tx.now}
    tx.connection.execute(insert(tables.member_merchants).values(**link))
