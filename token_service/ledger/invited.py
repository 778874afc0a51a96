"""Somebody joins with a member's code: whether that counts as an invitation, looked at once, at enrolment (docs/rulesets.md).

Refused are: the same person under another card, a person who is a member already, somebody who invited the inviter (a cycle), and
a device or a household that the inviter or another invited member has. A code that is nobody's stays what it is: a text of the
merchant's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import func, insert, select

from token_service.ledger import shown_codes, tables
from token_service.ledger.referral_tables import invitations, member_devices, member_households, referrals
from token_service.ledger.transaction import Transaction

CODE_LENGTH: Final = 8
CHAIN_MAX: Final = 50
"""Inviters of inviters that are looked at for a cycle."""
_members, _codes, _referrals = tables.members.c, invitations.c, referrals.c
_devices, _homes = member_devices.c, member_households.c


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A member just enrolled, by what they brought."""

    id: str
    email: str | None
    code: str | None
    device: str | None
    household: str | None = None


def note_invitations(tx: Transaction, newcomers: Sequence[Newcomer]) -> None:
    """Remembers devices and households, and records each invitation: waiting, or refused with its reason. Their members' rows are
    written already.
    """
    devices = {one.id: device_hash(one.device) for one in newcomers if one.device is not None}
    homes = {one.id: household_hash(tx, one.household) for one in newcomers if one.household is not None}
    for table, column, hashes in (
        (member_devices, "device_hash", devices),
        (member_households, "household_hash", homes),
    ):
        if hashes:
            rows = [{"member_id": member_id, column: hashed} for member_id, hashed in hashes.items()]
            tx.connection.execute(insert(table), rows)
    inviters = _inviters(tx, [one.code for one in newcomers if one.code is not None])
    for one in newcomers:
        inviter = inviters.get(_normal(one.code))
        if inviter is None or inviter == one.id:
            continue
        reason = _refusal(tx, one, inviter) or _shared(tx, one.id, inviter, devices.get(one.id), homes.get(one.id))
        row = {
            "id": tx.new_id("rfl"),
            "referee_id": one.id,
            "referrer_id": inviter,
            "created_at": tx.now,
            "state": "waiting" if reason is None else "refused",
            "reason": reason,
            "due_at": None,
            "decided_at": None if reason is None else tx.now,
        }
        tx.connection.execute(insert(referrals).values(**row))


def device_hash(device: str) -> str:
    """What is kept of a device."""
    return sha256(b"mereau device v1:" + device.encode()).hexdigest()


def household_hash(tx: Transaction, household: str) -> str:
    """What is kept of a household: keyed, because an address can be guessed. Capitals and blanks make no difference."""
    return tx.context.salts.fingerprint("household", " ".join(household.casefold().split()))


def _normal(code: str | None) -> str:
    return (None if code is None else shown_codes.normal_code(code, CODE_LENGTH)) or ""


def _inviters(tx: Transaction, codes: Iterable[str]) -> dict[str, str]:
    """By code, whose it is."""
    wanted = {normal for code in codes if (normal := _normal(code))}
    if not wanted:
        return {}
    whose = func.coalesce(_members.merged_into, _members.id).label("member_id")
    query = select(_codes.code, whose).join(tables.members, _members.id == _codes.member_id)
    rows = tx.connection.execute(query.where(_codes.code.in_(wanted)))
    return {row.code: row.member_id for row in rows}


def _refusal(tx: Transaction, one: Newcomer, inviter: str) -> str | None:
    """Why the invitation does not count, by who they are; or None."""
    if one.email is not None:
        chain = list(_chain(tx, inviter))
        found = tx.connection.execute(select(_members.id, _members.email).where(_members.id.in_(chain)))
        emails = {row.id: row.email for row in found}
        if emails.get(inviter) == one.email:
            return "self"
        if one.email in emails.values():
            return "cycle"
        known = select(_members.id).where(_members.email == one.email, _members.id != one.id).limit(1)
        if tx.connection.execute(known).first() is not None:
            return "known"
    return None


def _shared(tx: Transaction, member_id: str, inviter: str, device: str | None, household: str | None) -> str | None:
    """Why it does not count, by what they share with the inviter or somebody else whom that one invited; or None."""
    friends = select(_referrals.referee_id).where(_referrals.referrer_id == inviter)
    for column, hashed, reason in (
        (_devices.device_hash, device, "same_device"),
        (_homes.household_hash, household, "same_household"),
    ):
        whose = column.table.c.member_id
        near = (whose == inviter) | whose.in_(friends)
        same = select(whose).where(column == hashed, whose != member_id, near).limit(1)
        if hashed is not None and tx.connection.execute(same).first() is not None:
            return reason
    return None


def _chain(tx: Transaction, inviter: str) -> Iterator[str]:
    """The inviter, who invited them, and so on."""
    seen: set[str] = set()
    member: str | None = inviter
    while member is not None and member not in seen and len(seen) < CHAIN_MAX:
        seen.add(member)
        yield member
        query = select(_referrals.referrer_id).where(_referrals.referee_id == member)
        member = tx.connection.execute(query).scalar_one_or_none()
