"""Whom the programme knows by a verified e-mail address or telephone, so that one person has once what each person has once.

A shop verifies, and says so at enrolment or later. Kept are keyed hashes only: people can be told apart, not found. They
stay when the member's other data are erased, because a person who comes back is still the same person (docs/rulesets.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import CompoundSelect, delete, insert, select, union

from token_service.ledger import checks, tables
from token_service.ledger.among import among
from token_service.ledger.contact_tables import member_contacts, waiting_welcomes
from token_service.ledger.inputs import NewContacts
from token_service.ledger.sessions import normal_email
from token_service.ledger.transaction import Transaction

_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_BLANKS: Final = re.compile(r"[\s.()\-\u00a0\u202f]")
STEPS_MAX: Final = 10
HASHES_MAX: Final = 200
"""How far, and among how many, a person's other names are looked for."""
_contacts, _members = member_contacts.c, tables.members.c


def check_contacts(new: NewContacts | None) -> None:
    """Raises InvalidInput for what is neither an e-mail address nor an international number."""
    if new is None:
        return
    if new.email is None and new.phone is None:
        raise checks.wrong("/verified", "must have an e-mail address or a telephone")
    if new.email is not None:
        checks.email("/verified/email", normal_email(new.email))
    if new.phone is not None and not _PHONE.fullmatch(_normal_phone(new.phone)):
        raise checks.wrong("/verified/phone", "must be an international number, such as +33 6 12 34 56 78")


def hashes_of(tx: Transaction, new: NewContacts) -> dict[str, str]:
    """What may be kept of them, by kind."""
    texts = {
        "email": None if new.email is None else normal_email(new.email),
        "phone": None if new.phone is None else _normal_phone(new.phone),
    }
    return {kind: tx.context.salts.fingerprint(kind, text) for kind, text in texts.items() if text is not None}


def note_contacts(tx: Transaction, verified: Mapping[str, NewContacts]) -> None:
    """Remembers by what these members are known. Who has a verified e-mail address as their own, unverified one, is known by it
    too from here on: both are one person.
    """
    rows: dict[tuple[str, str], str] = {}
    for member_id, new in verified.items():
        for kind, hashed in hashes_of(tx, new).items():
            rows[member_id, hashed] = kind
            if kind == "email":
                same = select(_members.id).where(_members.email == normal_email(new.email or ""))
                rows |= {(other, hashed): kind for other in tx.connection.execute(same).scalars()}
    if not rows:
        return
    ids = {"ids": [member_id for member_id, _ in rows]}
    known = select(_contacts.member_id, _contacts.contact_hash).where(among(_contacts.member_id, "ids"))
    for row in tx.connection.execute(known, ids):
        rows.pop((row.member_id, row.contact_hash), None)
    values = [
        {"member_id": member_id, "contact_hash": hashed, "kind": kind, "verified_at": tx.now}
        for (member_id, hashed), kind in rows.items()
    ]
    if values:
        tx.connection.execute(insert(member_contacts), values)


def forget_email(tx: Transaction, member_id: str, email: str) -> None:
    """The member is not known by this normalised address any more: it was not, or is no longer, theirs."""
    hashed = tx.context.salts.fingerprint("email", email)
    here = (_contacts.member_id == member_id) & (_contacts.contact_hash == hashed)
    tx.connection.execute(delete(member_contacts).where(here))


def others_of(tx: Transaction, member_id: str) -> CompoundSelect[Any] | None:
    """The other accounts of the person who has this one; None for somebody of whom neither address nor telephone is known."""
    email = tx.connection.execute(select(_members.email).where(_members.id == member_id)).scalar_one()
    own = select(_contacts.contact_hash).where(_contacts.member_id == member_id)
    hashes = set(tx.connection.execute(own).scalars())
    if email is not None:
        hashes.add(tx.context.salts.fingerprint("email", email))
    if not hashes:
        return None
    by_email = select(_members.id).where(_members.email == email, _members.id != member_id)
    by_hash = select(_contacts.member_id).where(
        _contacts.contact_hash.in_(_all_of_one(tx, hashes)), _contacts.member_id != member_id
    )
    return union(by_email, by_hash)


def _all_of_one(tx: Transaction, hashes: set[str]) -> set[str]:
    """These and all others by which the same accounts are known, and so on: two cards of one person may have different ones."""
    for _ in range(STEPS_MAX):
        whose = select(_contacts.member_id).where(_contacts.contact_hash.in_(hashes))
        query = select(_contacts.contact_hash).where(_contacts.member_id.in_(whose)).distinct().limit(HASHES_MAX)
        wider = hashes | set(tx.connection.execute(query).scalars())
        if wider == hashes or len(wider) > HASHES_MAX:
            return wider
        hashes = wider
    return hashes


def unknown_among(tx: Transaction, member_ids: Sequence[str]) -> set[str]:
    """Those of these members of whom neither an e-mail address nor a verified contact is known."""
    ids = {"ids": list(member_ids)}
    with_email = select(_members.id).where(among(_members.id, "ids"), _members.email.is_not(None))
    with_contact = select(_contacts.member_id).where(among(_contacts.member_id, "ids"))
    known = {*tx.connection.execute(with_email, ids).scalars(), *tx.connection.execute(with_contact, ids).scalars()}
    return {*member_ids} - known


def let_wait(tx: Transaction, member_ids: Iterable[str]) -> None:
    """Their welcome waits until somebody says who they are."""
    rows = [{"member_id": member_id, "since": tx.now} for member_id in sorted(member_ids)]
    if rows:
        tx.connection.execute(insert(waiting_welcomes), rows)


def waiting_among(tx: Transaction, member_ids: Sequence[str]) -> set[str]:
    """Those of these members whose welcome does."""
    waiting = waiting_welcomes.c.member_id
    return {*tx.connection.execute(select(waiting).where(among(waiting, "ids")), {"ids": list(member_ids)}).scalars()}


def wait_no_more(tx: Transaction, member_id: str) -> None:
    """It was recorded, or the account is another one's."""
    tx.connection.execute(delete(waiting_welcomes).where(waiting_welcomes.c.member_id == member_id))


def _normal_phone(phone: str) -> str:
    return _BLANKS.sub("", phone)
