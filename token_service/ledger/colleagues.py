"""The people of a company look after themselves in its wallet: who signs in, one more, one less (docs/wallet.md).

A company is a member that somebody signs in to beside its own address, or did; a merchant makes one by adding the first of them
(users.py). Who acts is known by the address that their session proved. The own address is the card's: the shop changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, func, select

from token_service.errors import NotFound
from token_service.ledger import checks, views
from token_service.ledger.context import Context
from token_service.ledger.sessions import normal_email
from token_service.ledger.tables import members
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.user_tables import member_user_changes, member_users
from token_service.ledger.users import USERS_MAX, changes_of, count_users, let_in, shut_out

ADDED_A_DAY_MAX: Final = 20
"""People whom a company's own people let in within 24 hours: each gets a mail."""
NAME_LENGTH_MAX: Final = 200
CHANGES_SHOWN_MAX: Final = 10
_users, _changes = member_users.c, member_user_changes.c


@dataclass(frozen=True, slots=True)
class Company:
    """Who signs in: the own address of the card, if it has one, and the others, oldest first; and what was changed lately."""

    name: str | None
    email: str | None
    since: datetime
    users: tuple[views.User, ...]
    changes: tuple[views.UserChange, ...]

    @property
    def count(self) -> int:
        """How many addresses sign in."""
        return len({self.email, *(one.email for one in self.users)} - {None})


class Added(Enum):
    """What became of asking to let somebody in."""

    DONE = "added"
    KNOWN = "known"
    FULL = "full"
    TOO_MANY = "too_many"


class Removed(Enum):
    """What became of asking to shut somebody out."""

    DONE = "removed"
    GONE = "gone"
    LAST = "last"


def is_company(context: Context, member_id: str) -> bool:
    """Whether several people sign in to the member, or did."""
    with context.store.read() as connection:
        return _is_company(connection, member_id)


def company_of(context: Context, member_id: str) -> Company:
    """Its people. Raises NotFound for a member that is no company."""

    def work(tx: Transaction) -> Company:
        if not _is_company(tx.connection, member_id):
            raise NotFound("no such company")
        row = tx.connection.execute(_own(member_id)).one()
        found = tx.connection.execute(
            select(_users.id, _users.member_id, _users.email, _users.name, _users.since)
            .where(_users.member_id == member_id)
            .order_by(_users.id)
        )
        users = tuple(views.User(*one) for one in found)
        changes = changes_of(tx, member_id, most=CHANGES_SHOWN_MAX)
        return Company(row.name, row.email, row.created_at, users, changes)

    return read(context, work)


def add_colleague(context: Context, member_id: str, by: str, email: str, name: str | None) -> Added:
    """Lets somebody in, as `by`, an address that signs in to the company; once, however often it is asked. Nothing is said of
    what else the new address belongs to.

    Raises InvalidInput (email, name), NotFound if it is no company, or no longer `by`'s.
    """

    def work(tx: Transaction) -> Added:
        _act(tx, member_id, by)
        address = checks.email("/email", normal_email(email))
        checks.optional_text("/name", name, longest=NAME_LENGTH_MAX)
        if address in _addresses(tx, member_id):
            return Added.KNOWN
        if count_users(tx, member_id) >= USERS_MAX:
            return Added.FULL
        if _added_lately(tx, member_id) >= ADDED_A_DAY_MAX:
            return Added.TOO_MANY
        let_in(tx, member_id, address, name, by, is_by_user=True)
        return Added.DONE

    return write(context, work)


def remove_colleague(context: Context, member_id: str, by: str, user_id: str) -> Removed:
    """Shuts somebody out, as `by`, perhaps `by` themselves, but never the last who signs in. Their sessions are over at once.

    Raises NotFound if it is no company, or no longer `by`'s.
    """

    def work(tx: Transaction) -> Removed:
        _act(tx, member_id, by)
        here = select(_users.id).where(_users.member_id == member_id, _users.id == user_id)
        if tx.connection.execute(here).first() is None:
            return Removed.GONE
        if len(_addresses(tx, member_id)) == 1:
            return Removed.LAST
        shut_out(tx, member_id, user_id, by, is_by_user=True)
        return Removed.DONE

    return write(context, work)


def _is_company(connection: Connection, member_id: str) -> bool:
    for table in (member_users, member_user_changes):
        here = select(table.c.member_id).where(table.c.member_id == member_id).limit(1)
        if connection.execute(here).first() is not None:
            return True
    return False


def _act(tx: Transaction, member_id: str, by: str) -> None:
    """Locks the company: two who remove each other do it one after the other. Raises NotFound unless `by` signs in to it."""
    tx.account(member_id)
    if not _is_company(tx.connection, member_id) or by not in _addresses(tx, member_id):
        raise NotFound("no such company")


def _own(member_id: str) -> Any:
    return select(members.c.name, members.c.email, members.c.created_at).where(members.c.id == member_id)


def _addresses(tx: Transaction, member_id: str) -> set[str]:
    own = tx.connection.execute(_own(member_id)).one()
    users = tx.connection.execute(select(_users.email).where(_users.member_id == member_id)).scalars()
    return {*users, *([] if own.email is None else [own.email])}


def _added_lately(tx: Transaction, member_id: str) -> int:
    since = tx.now - timedelta(days=1)
    query = select(func.count()).where(_changes.member_id == member_id, _changes.created_at > since)
    return int(tx.connection.execute(query.where(_changes.is_by_user, _changes.change == "added")).scalar_one())
