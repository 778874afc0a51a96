"""Enrolments: who of a batch is enrolled already, and the rows of those who will be (members.py answers them)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Table, bindparam, func, insert, select

from token_service.errors import CallerError, Conflict
from token_service.ledger import checks, operations, tables
from token_service.ledger.among import among
from token_service.ledger.contacts import check_contacts, hashes_of, note_contacts
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewContacts, NewMember
from token_service.ledger.invited import Newcomer, household_hash, note_invitations
from token_service.ledger.lane_choice import choose_lane
from token_service.ledger.own_events import first_looks
from token_service.ledger.sessions import normal_email
from token_service.ledger.transaction import Transaction
from token_service.program.tiers import first_tier

FIRST_TIME_ZONE: Final = timedelta(hours=14)
"""How far ahead of UTC the first places on earth begin a day: no birth date of today is refused anywhere."""


_LINKED: Final = (
    select(
        tables.member_merchants.c.external_id,
        func.coalesce(tables.members.c.merged_into, tables.members.c.id).label("id"),
        tables.members.c.content_hash,
    )
    .join(tables.members, tables.members.c.id == tables.member_merchants.c.member_id)
    .where(
        tables.member_merchants.c.merchant_id == bindparam("merchant_id"),
        among(tables.member_merchants.c.external_id, "external_ids"),
    )
)


def enrol_unwelcomed(tx: Transaction, actor: Actor, news: Sequence[NewMember]) -> list[Enrolled | CallerError]:
    """As `enrol_batch`, inside the caller's transaction, without what joining brings."""
    enrolments = _Enrolments(tx, actor, news)
    found = [enrolments.find_or_make(new) for new in news]
    enrolments.insert()
    note_invitations(tx, enrolments.newcomers)
    note_contacts(tx, enrolments.verified)
    return found


def enrolled_before(tx: Transaction, actor: Actor, news: Sequence[NewMember]) -> list[Enrolled | CallerError | None]:
    """Who of these is enrolled already (None: is not), or why they cannot be; nothing is written."""
    enrolments = _Enrolments(tx, actor, news)
    return [enrolments.find(new) for new in news]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A member's id; `is_new`: since this transaction."""

    id: str
    merchant_id: str
    content: str
    is_new: bool


class _Enrolments:
    """Who is enrolled already, and the rows of those who will be."""

    def __init__(self, tx: Transaction, actor: Actor, news: Sequence[NewMember]) -> None:
        self._tx, self._actor = tx, actor
        self._rows: dict[Table, list[dict[str, Any]]] = {
            tables.members: [],
            tables.member_keys: [],
            tables.member_merchants: [],
        }
        self.newcomers: list[Newcomer] = []
        self.verified: dict[str, NewContacts] = {}
        self.known: dict[str, dict[str, Enrolled]] = {}  # by merchant and external id
        asked: dict[str, list[str]] = {}
        for new in news:
            with suppress(CallerError):  # the answer to this one says so
                external_id = checks.text("/external_id", new.external_id, longest=200)
                asked.setdefault(actor.acting_merchant(new.merchant_id), []).append(external_id)
        for merchant_id, external_ids in asked.items():
            values = {"merchant_id": merchant_id, "external_ids": external_ids}
            self.known[merchant_id] = {
                row.external_id: Enrolled(row.id, merchant_id, row.content_hash, is_new=False)
                for row in tx.connection.execute(_LINKED, values)
            }

    def find_or_make(self, new: NewMember) -> Enrolled | CallerError:
        """The member, or why not: as `find`."""
        found = self.find(new)
        if found is not None:
            return found
        merchant_id = self._actor.acting_merchant(new.merchant_id)
        made = self._make(merchant_id, new, self._content(merchant_id, new))
        self.known[merchant_id][new.external_id] = replace(made, is_new=False)  # for whoever comes twice
        return made

    def find(self, new: NewMember) -> Enrolled | CallerError | None:
        """The member who is there; Conflict for an external id with other content, InvalidInput, NotFound (merchant)."""
        try:
            merchant_id = self._actor.acting_merchant(new.merchant_id)
            self._tx.merchant(merchant_id)
            _check(self._tx, new)
        except CallerError as refusal:
            return refusal
        known = self.known[merchant_id].get(new.external_id)
        if known is None:
            return None
        content = self._content(merchant_id, new)
        if known.content != content and not self._was_enrolled(known.id, content):
            return Conflict("this external id is enrolled with other data", existing_id=known.id)
        return known

    def _content(self, merchant_id: str, new: NewMember) -> str:
        born = new.birth_date and new.birth_date.isoformat()
        return operations.content_hash(_said(self._tx, new) | {"merchant_id": merchant_id, "birth_date": born})

    def _was_enrolled(self, heir_id: str, content: str) -> bool:
        """Whether an account that became part of this one was enrolled with that content."""
        columns = tables.members.c
        query = select(columns.id).where(columns.merged_into == heir_id, columns.content_hash == content)
        return self._tx.connection.execute(query.limit(1)).first() is not None

    def insert(self) -> None:
        """Writes those who are new."""
        for table, rows in self._rows.items():
            if rows:
                self._tx.connection.execute(insert(table), rows)

    def _make(self, merchant_id: str, new: NewMember, content: str) -> Enrolled:
        tx, made = self._tx, self._tx.context.new_account()
        member_id, at = tx.new_id("mem"), new.enrolled_at or tx.now
        rules, rules_now = tx.ruleset_hash_at(at), tx.ruleset_hash_at(tx.now)
        self._rows[tables.members].append(
            {
                "id": member_id,
                "merchant_id": merchant_id,
                "content_hash": content,
                "email": None if new.email is None else normal_email(new.email),
                "name": new.name,
                "locale": new.locale,
                "birth_date": new.birth_date,
                **first_looks(tx, new.birth_date, at),
                "referral_code": new.referral_code,
                "address": made.address,
                "sealed_salt_key": made.sealed_salt_key,
                "lane": choose_lane(member_id, tx.open_lanes),
                "state": "active",
                "created_at": at,
                "tier": first_tier(tx.ruleset(rules)),
                "tier_due_at": tx.next_rules_at if rules == rules_now else tx.now,
            }
        )
        self._rows[tables.member_keys].append(
            {"member_id": member_id, "address": made.address, "sealed_key": made.sealed_key, "created_at": at}
        )
        self._rows[tables.member_merchants].append(
            {"merchant_id": merchant_id, "external_id": new.external_id, "member_id": member_id, "since": at}
        )
        if (new.referral_code, new.device, new.household) != (None, None, None):
            email = None if new.email is None else normal_email(new.email)
            self.newcomers.append(Newcomer(member_id, email, new.referral_code, new.device, new.household))
        if new.verified is not None:
            self.verified[member_id] = new.verified
        return Enrolled(member_id, merchant_id, content, is_new=True)


def _said(tx: Transaction, new: NewMember) -> dict[str, Any]:
    """What the content's hash is of; what came later to this body is left out where it says nothing."""
    said = asdict(new)
    for name in ("device", "enrolled_at"):
        if said[name] is None:
            del said[name]
    if new.household is None:
        del said["household"]
    else:
        said["household"] = household_hash(tx, new.household)
    if new.verified is None:
        del said["verified"]
    else:
        said["verified"] = hashes_of(tx, new.verified)
    return said


def _check(tx: Transaction, new: NewMember) -> None:
    checks.text("/external_id", new.external_id, longest=200)
    for name, longest in (("referral_code", 100), ("device", 200), ("household", 200)):
        checks.optional_text("/" + name, getattr(new, name), longest=longest)
    check_profile(tx, new.email, new.name, new.locale, new.birth_date)
    check_contacts(new.verified)
    if new.enrolled_at is not None:
        checks.when(tx, "/enrolled_at", new.enrolled_at)


def check_profile(
    tx: Transaction, email: str | None, name: str | None, locale: str | None, birth_date: date | None
) -> None:
    """Raises InvalidInput for what cannot be said of a person."""
    for pointer, value, longest in (("/email", email, 254), ("/name", name, 200), ("/locale", locale, 16)):
        checks.optional_text(pointer, value, longest=longest)
    if email is not None:
        checks.email("/email", email)
    if birth_date is not None and birth_date > (tx.now + FIRST_TIME_ZONE).date():
        raise checks.wrong("/birth_date", "lies in the future")
