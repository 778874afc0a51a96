"""A member's own data put right after enrolment: e-mail address, name, language, birth date.

Whoever enrolled the member says so, or an admin. None of it is on the chain, and no receipt holds it: what the auditor reads of a
birthday is the year whose event it is, once for each account. The trail says which fields changed, never what they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from token_service.errors import Forbidden, NotFound
from token_service.ledger import checks, contacts, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.enrolments import check_profile
from token_service.ledger.inputs import MemberChange
from token_service.ledger.members import member_view
from token_service.ledger.own_events import first_birthday
from token_service.ledger.profile_tables import member_changes
from token_service.ledger.session_tables import sessions
from token_service.ledger.sessions import normal_email
from token_service.ledger.tables import members
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.user_tables import member_users
from token_service.ledger.users import shut_out
from token_service.ledger.welcomes import Welcome, give_waiting, welcome_of

FIELDS: Final = ("birth_date", "email", "locale", "name")
"""What may be put right, sorted; what only decides at enrolment (who invited, device, household) may not."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The member as they are now; `fields`: what is another than before. `welcome`: what joining brought them."""

    member: views.Member
    fields: tuple[str, ...]
    welcome: Welcome | None


def change_member(context: Context, actor: Actor, member_id: str, change: MemberChange) -> Changed:
    """The member with this data. Repeatable. A welcome that waited until it is known who they are is given now.

    Another birth date moves the next look for a birthday, never the years that had one. Of another e-mail address the old one
    signs in no more, at once, and is verified no more. Raises NotFound (also for a merchant that did not enrol the member),
    Forbidden (for the member), InvalidInput.
    """
    if actor.member_id is not None:
        raise Forbidden("the shop changes a member's data")

    def work(tx: Transaction) -> Changed:
        account = visible_account(tx, actor, member_id)
        row = tx.connection.execute(select(members).where(members.c.id == account.id)).one()
        if actor.merchant_id not in (None, row.merchant_id):
            raise NotFound("no such member")
        _check(tx, change)
        fields = _write(tx, account, row, change, actor)
        if change.verified is not None:
            contacts.note_contacts(tx, {account.id: change.verified})
        if change.verified is not None or ("email" in fields and change.email is not None):
            give_waiting(tx, account)
        return Changed(member_view(tx, account, actor.merchant_id), fields, welcome_of(tx, account.id))

    return write(context, work)


def list_data_changes(context: Context, actor: Actor, member_id: str, *, most: int) -> tuple[views.DataChange, ...]:
    """The newest lines of the trail of the member's own data, newest first. Raises NotFound."""
    columns = member_changes.c

    def work(tx: Transaction) -> tuple[views.DataChange, ...]:
        account = visible_account(tx, actor, member_id)
        query = select(columns.fields, columns.done_by, columns.created_at).where(columns.member_id == account.id)
        rows = tx.connection.execute(query.order_by(columns.seq.desc()).limit(most))
        return tuple(views.DataChange(tuple(row.fields.split()), row.done_by, row.created_at) for row in rows)

    return read(context, work)


def _check(tx: Transaction, change: MemberChange) -> None:
    if not change.fields and change.verified is None:
        raise checks.wrong("", f"must have one of {', '.join(FIELDS)}, verified")
    check_profile(tx, change.email, change.name, change.locale, change.birth_date)
    contacts.check_contacts(change.verified)


def _write(tx: Transaction, account: Account, row: Row[Any], change: MemberChange, actor: Actor) -> tuple[str, ...]:
    """The fields that are another now, with all that follows from them and a line in the trail."""
    wanted: dict[str, Any] = {field: getattr(change, field) for field in FIELDS if field in change.fields}
    if wanted.get("email") is not None:
        wanted["email"] = normal_email(wanted["email"])
    values = {field: value for field, value in wanted.items() if value != row._mapping[field]}
    if not values:
        return ()
    due = first_birthday(tx, values["birth_date"]) if "birth_date" in values else {}
    tx.connection.execute(update(members).where(members.c.id == account.id).values(**values, **due))
    if "email" in values:
        _another_address(tx, account.id, row.email, values["email"], actor)
    line = {"member_id": account.id, "fields": " ".join(values), "done_by": actor.name, "created_at": tx.now}
    tx.connection.execute(insert(member_changes).values(**line))
    return tuple(values)


def _another_address(tx: Transaction, member_id: str, old: str | None, new: str | None, actor: Actor) -> None:
    """The old address signs in no more, also if it comes back, and the member is not known by it; who signed in with the new one
    beside it does so as the member's own.
    """
    if old is not None:
        own = (sessions.c.email == old) & (sessions.c.member_id == member_id)
        tx.connection.execute(delete(sessions).where(own))
        contacts.forget_email(tx, member_id, old)
    columns = member_users.c
    here = select(columns.id).where(columns.member_id == member_id, columns.email == new)
    for user_id in tx.connection.execute(here).scalars().all():
        shut_out(tx, member_id, user_id, actor.name)
