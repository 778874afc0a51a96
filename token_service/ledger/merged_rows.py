"""The rows that go from one account to the one that it became part of: what operations count for, and the profile.

Vouchers and holds stay with the account whose key draws their codes and whose lots they name; they are found through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Table, delete, or_, select, update

from token_service.ledger import tables
from token_service.ledger.benefit_tables import benefit_uses
from token_service.ledger.challenge_tables import challenge_completions, challenge_steps
from token_service.ledger.contact_tables import member_contacts, waiting_welcomes
from token_service.ledger.membership_tables import member_memberships
from token_service.ledger.payment_tables import points_payments
from token_service.ledger.profile_tables import member_changes
from token_service.ledger.referral_tables import invitations, member_devices, member_households, referrals
from token_service.ledger.session_tables import sessions
from token_service.ledger.staff_tables import member_codes
from token_service.ledger.standing_tables import renewals, standing_orders
from token_service.ledger.transaction import Transaction
from token_service.ledger.user_tables import member_user_changes, member_users
from token_service.ledger.users import shut_out
from token_service.ledger.wallet_tables import mandates

COUNTED: Final = (
    tables.operations,
    tables.purchases,
    points_payments,
    tables.awards,
    tables.campaign_uses,
    challenge_steps,
    challenge_completions,
    member_memberships,
    benefit_uses,
    renewals,
)
"""Tables whose rows count for the member that they name."""
ONE_EACH: Final = (standing_orders, invitations, member_devices, member_households)
"""Tables with at most one row for a member: the one that stays keeps its own."""
PROFILE: Final = ("email", "name", "locale", "birth_date", "birthday_due_on", "referral_code")
NOTHING_DUE: Final = {"birthday_due_on": None, "anniversary_due_on": None}
_referrals = referrals.c


def hand_over(tx: Transaction, source_id: str, target_id: str, names: Mapping[str, str], by: str) -> None:
    """Everything of the source's rows that counts for the target from here on; `names` are the new subjects of completions. `by`:
    who made one account of the two.
    """
    for event_id, subject in names.items():
        here = challenge_completions.c.operation_id == event_id
        tx.connection.execute(update(challenge_completions).where(here).values(subject=subject))
    for table in COUNTED:
        _point(tx, table, source_id, target_id)
    _contacts(tx, source_id, target_id)
    _profile(tx, source_id, target_id)
    _links(tx, source_id, target_id)
    _referred(tx, source_id, target_id)
    for table in ONE_EACH:
        own = select(table.c.member_id).where(table.c.member_id == target_id)
        if tx.connection.execute(own).first() is None:
            _point(tx, table, source_id, target_id)
    _people(tx, source_id, target_id, by)
    for table in (member_codes, sessions, standing_orders):
        tx.connection.execute(delete(table).where(table.c.member_id == source_id))
    unsigned = update(mandates).where(mandates.c.member_id == source_id, mandates.c.state == "unsigned")
    tx.connection.execute(unsigned.values(state="cancelled", ended_at=tx.now))
    members = tables.members
    here = or_(members.c.id == source_id, members.c.merged_into == source_id)
    tx.connection.execute(update(members).where(here).values(merged_into=target_id))


def _point(tx: Transaction, table: Table, source_id: str, target_id: str) -> None:
    tx.connection.execute(update(table).where(table.c.member_id == source_id).values(member_id=target_id))


def _contacts(tx: Transaction, source_id: str, target_id: str) -> None:
    """By what the source's person is known, the target's is; a welcome of the source that waited comes no more."""
    columns, waiting = member_contacts.c, waiting_welcomes.c
    own = select(columns.contact_hash).where(columns.member_id == target_id)
    twice = (columns.member_id == source_id) & columns.contact_hash.in_(own)
    tx.connection.execute(delete(member_contacts).where(twice))
    _point(tx, member_contacts, source_id, target_id)
    tx.connection.execute(delete(waiting_welcomes).where(waiting.member_id == source_id))


def _profile(tx: Transaction, source_id: str, target_id: str) -> None:
    """What the account that stays does not know comes from the other one."""
    members = tables.members
    rows = {
        row.id: row for row in tx.connection.execute(select(members).where(members.c.id.in_((source_id, target_id))))
    }
    source, target = rows[source_id], rows[target_id]
    missing: dict[str, Any] = {
        name: getattr(source, name)
        for name in PROFILE
        if getattr(target, name) is None and getattr(source, name) is not None
    }
    if missing:
        tx.connection.execute(update(members).where(members.c.id == target_id).values(**missing))
    tx.connection.execute(update(members).where(members.c.id == source_id).values(**NOTHING_DUE))


def _people(tx: Transaction, source_id: str, target_id: str, by: str) -> None:
    """Who signed in to the source beside its own address does so no more, nor beside the target's under the very address that it
    took over; the trail goes on with the target.
    """
    users, members = member_users.c, tables.members.c
    own = select(members.email).where(members.id == target_id).scalar_subquery()
    gone = or_(users.member_id == source_id, (users.member_id == target_id) & (users.email == own))
    for row in tx.connection.execute(select(users.member_id, users.id).where(gone)).all():
        shut_out(tx, row.member_id, row.id, by)
    _point(tx, member_user_changes, source_id, target_id)
    _point(tx, member_changes, source_id, target_id)


def _links(tx: Transaction, source_id: str, target_id: str) -> None:
    """A merchant that knew only the other account knows this one by that name; a second name is found through it."""
    links = tables.member_merchants.c
    own = select(links.merchant_id).where(links.member_id == target_id)
    merchants = list(tx.connection.execute(own).scalars())
    here = (links.member_id == source_id) & links.merchant_id.not_in(merchants)
    tx.connection.execute(update(tables.member_merchants).where(here).values(member_id=target_id))


def _referred(tx: Transaction, source_id: str, target_id: str) -> None:
    """Invitations of and by the source are the target's; between the two of them, and a second one of the same person, count for
    nothing.
    """
    both = (source_id, target_id)
    between = _referrals.referee_id.in_(both) & _referrals.referrer_id.in_(both)
    second, own = _referrals.referee_id == source_id, _referrals.referee_id == target_id
    was_paid = select(_referrals.id).where(second, _referrals.state == "paid").limit(1)
    waiting = update(referrals).where(_referrals.state == "waiting")
    again = update(referrals).where(_referrals.state == "taken_back").values(due_at=None)
    refused = {"state": "refused", "decided_at": tx.now, "due_at": None}
    tx.connection.execute(waiting.where(between).values(reason="self", **refused))
    tx.connection.execute(again.where(between))
    if tx.connection.execute(was_paid).first() is not None:
        tx.connection.execute(waiting.where(own).values(reason="known", **refused))
        tx.connection.execute(again.where(own))
    if tx.connection.execute(select(_referrals.id).where(own)).first() is not None:
        tx.connection.execute(waiting.where(second).values(reason="known", **refused))
        tx.connection.execute(again.where(second))
    else:
        tx.connection.execute(update(referrals).where(second, ~between).values(referee_id=target_id))
    by_source = (_referrals.referrer_id == source_id) & ~between
    tx.connection.execute(update(referrals).where(by_source).values(referrer_id=target_id))
