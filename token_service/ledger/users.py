"""A company as a member: several people sign in to it, each with an e-mail address of their own (number 52 of the brief).

Whoever enrolled the member says who they are; so do they themselves in the wallet (colleagues.py). What a member's own address
may do there, each of them may; who is taken off is signed out at once. Each change is in the trail; none of this is on the chain.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, union_all

from token_service.errors import Conflict, Forbidden, NotFound
from token_service.ledger import checks, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.session_tables import sessions
from token_service.ledger.sessions import normal_email
from token_service.ledger.tables import members
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.user_tables import member_user_changes, member_users

USERS_MAX: Final = 100
_columns = member_users.c


def add_user(context: Context, actor: Actor, member_id: str, email: str, name: str | None = None) -> views.User:
    """The person; the same one again for the same address. Raises NotFound, Forbidden, InvalidInput, Conflict for one more than
    USERS_MAX and for the member's own address.
    """

    _refuse_members(actor)

    def work(tx: Transaction) -> views.User:
        account = _own(tx, actor, member_id)
        address = checks.email("/email", normal_email(email))
        checks.optional_text("/name", name, longest=200)
        own = tx.connection.execute(select(members.c.email).where(members.c.id == account.id)).scalar_one()
        if own == address:
            raise Conflict("this is the member's own address: it signs in already")
        known = tx.connection.execute(_of(account.id).where(_columns.email == address)).one_or_none()
        if known is not None:
            return _view(known)
        if count_users(tx, account.id) >= USERS_MAX:
            raise Conflict(f"a member has at most {USERS_MAX} users")
        return let_in(tx, account.id, address, name, actor.name)

    return write(context, work)


def remove_user(context: Context, actor: Actor, member_id: str, user_id: str) -> None:
    """Nobody of that id signs in to the member from here on. Repeatable. Raises NotFound (member), Forbidden."""

    _refuse_members(actor)

    def work(tx: Transaction) -> None:
        account = _own(tx, actor, member_id)
        shut_out(tx, account.id, user_id, actor.name)

    write(context, work)


def list_users(context: Context, actor: Actor, member_id: str) -> tuple[views.User, ...]:
    """Who signs in to the member beside its own address, oldest first. Raises NotFound, Forbidden."""

    def work(tx: Transaction) -> tuple[views.User, ...]:
        account = _own(tx, actor, member_id)
        return tuple(map(_view, tx.connection.execute(_of(account.id).order_by(_columns.id))))

    return read(context, work)


def count_users(tx: Transaction, member_id: str) -> int:
    """How many sign in to the member beside its own address."""
    here = select(func.count()).select_from(member_users).where(_columns.member_id == member_id)
    return int(tx.connection.execute(here).scalar_one())


def let_in(
    tx: Transaction, member_id: str, email: str, name: str | None, done_by: str, *, is_by_user: bool = False
) -> views.User:
    """The new person, with a line in the trail."""
    user = views.User(tx.new_id("usr"), member_id, email, name, tx.now)
    tx.connection.execute(insert(member_users).values(added_by=done_by, **asdict(user)))
    _note(tx, user, "added", done_by, is_by_user=is_by_user)
    return user


def shut_out(
    tx: Transaction, member_id: str, user_id: str, done_by: str, *, is_by_user: bool = False
) -> views.User | None:
    """The person who no longer signs in, with a line in the trail; None if there is none of that id. Their sessions here are
    gone, so that none of them lives again if they are let in once more.
    """
    here = (_columns.member_id == member_id, _columns.id == user_id)
    found = tx.connection.execute(select(member_users).where(*here)).one_or_none()
    if found is None:
        return None
    tx.connection.execute(delete(member_users).where(*here))
    own = (sessions.c.email == found.email) & (sessions.c.member_id == member_id)
    tx.connection.execute(delete(sessions).where(own))
    _note(tx, _view(found), "removed", done_by, is_by_user=is_by_user)
    return _view(found)


def list_user_changes(context: Context, actor: Actor, member_id: str, *, most: int) -> tuple[views.UserChange, ...]:
    """The newest lines of the trail of who signs in to the member, newest first. Raises NotFound, Forbidden."""
    return read(context, lambda tx: changes_of(tx, _own(tx, actor, member_id).id, most=most))


def changes_of(tx: Transaction, member_id: str, *, most: int) -> tuple[views.UserChange, ...]:
    """As `list_user_changes`, for whoever may see the member."""
    columns = member_user_changes.c
    query = select(columns.change, columns.email, columns.name, columns.done_by, columns.is_by_user, columns.created_at)
    query = query.where(columns.member_id == member_id).order_by(columns.seq.desc()).limit(most)
    return tuple(views.UserChange(*row) for row in tx.connection.execute(query))


def is_persons(connection: Connection, member_id: str, email: str) -> bool:
    """Whether whoever reads this normalised address signs in to the member, or did to an account that became part of theirs."""
    heir = select(members.c.merged_into).where(members.c.id == member_id)
    member_id = connection.execute(heir).scalar_one_or_none() or member_id
    own = select(members.c.id).where(members.c.id == member_id, members.c.email == email)
    user = select(_columns.member_id).where(_columns.member_id == member_id, _columns.email == email)
    before = select(members.c.id).where(members.c.merged_into == member_id, members.c.email == email)
    return connection.execute(union_all(own, user, before).limit(1)).first() is not None


def _note(tx: Transaction, user: views.User, change: str, done_by: str, *, is_by_user: bool) -> None:
    tx.connection.execute(
        insert(member_user_changes).values(
            member_id=user.member_id,
            user_id=user.id,
            change=change,
            email=user.email,
            name=user.name,
            done_by=done_by,
            is_by_user=is_by_user,
            created_at=tx.now,
        )
    )


def _refuse_members(actor: Actor) -> None:
    if actor.member_id is not None:
        raise Forbidden("the shop says who signs in to a member")


def _own(tx: Transaction, actor: Actor, member_id: str) -> Account:
    """The account, for an admin, the member and the merchant that enrolled it: addresses are nobody else's to see."""
    account = visible_account(tx, actor, member_id)
    enrolled_by = tx.connection.execute(select(members.c.merchant_id).where(members.c.id == account.id)).scalar_one()
    if actor.merchant_id is not None and actor.merchant_id != enrolled_by:
        raise NotFound("no such member")
    return account


def _of(member_id: str) -> Any:
    return select(member_users).where(_columns.member_id == member_id)


def _view(row: Row[Any]) -> views.User:
    return views.User(row.id, row.member_id, row.email, row.name, row.since)
