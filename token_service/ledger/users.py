"""A company as a member: several people sign in to it, each with an e-mail address of their own (number 52 of the brief).

Whoever enrolled the member says who they are. What a member's own address may do in the wallet, each of them may; who is taken
off is signed out at once. None of this is on the chain.
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
from token_service.ledger.sessions import normal_email
from token_service.ledger.tables import members
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.user_tables import member_users

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
        here = select(func.count()).select_from(member_users).where(_columns.member_id == account.id)
        if tx.connection.execute(here).scalar_one() >= USERS_MAX:
            raise Conflict(f"a member has at most {USERS_MAX} users")
        user = views.User(tx.new_id("usr"), account.id, address, name, tx.now)
        tx.connection.execute(insert(member_users).values(added_by=actor.name, **asdict(user)))
        return user

    return write(context, work)


def remove_user(context: Context, actor: Actor, member_id: str, user_id: str) -> None:
    """Nobody of that id signs in to the member from here on. Repeatable. Raises NotFound (member), Forbidden."""

    _refuse_members(actor)

    def work(tx: Transaction) -> None:
        account = _own(tx, actor, member_id)
        here = (_columns.member_id == account.id, _columns.id == user_id)
        tx.connection.execute(delete(member_users).where(*here))

    write(context, work)


def list_users(context: Context, actor: Actor, member_id: str) -> tuple[views.User, ...]:
    """Who signs in to the member beside its own address, oldest first. Raises NotFound, Forbidden."""

    def work(tx: Transaction) -> tuple[views.User, ...]:
        account = _own(tx, actor, member_id)
        return tuple(map(_view, tx.connection.execute(_of(account.id).order_by(_columns.id))))

    return read(context, work)


def is_persons(connection: Connection, member_id: str, email: str) -> bool:
    """Whether whoever reads this normalised address signs in to the member, or did to an account that became part of theirs."""
    heir = select(members.c.merged_into).where(members.c.id == member_id)
    member_id = connection.execute(heir).scalar_one_or_none() or member_id
    own = select(members.c.id).where(members.c.id == member_id, members.c.email == email)
    user = select(_columns.member_id).where(_columns.member_id == member_id, _columns.email == email)
    before = select(members.c.id).where(members.c.merged_into == member_id, members.c.email == email)
    return connection.execute(union_all(own, user, before).limit(1)).first() is not None


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
