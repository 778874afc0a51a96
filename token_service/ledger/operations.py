"""What callers do, each under its permanent reference (API.md "Naming an operation twice").

The reference is unique per merchant and kind, for ever; the content's hash tells a repetition (answered with the
first object) from a contradiction (ReferenceConflict with the first object's id). Bodies are not stored, only their
hash and the facts that the rules read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, literal_column, select

from token_service.errors import BacklogFull, MemberFrozen, MemberLeaving, NotFound, ReferenceConflict, Refused
from token_service.ledger import checks, direct, tables, unknown_references
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.context import Actor
from token_service.ledger.details import instant
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.protocol.receipts import jcs

_COLUMNS: Final = tuple(tables.operations.c[item.name] for item in fields(Operation) if item.name != "parts")
_columns = tables.operations.c
_NAMED: Final = select(*_COLUMNS).where(
    _columns.merchant_id == bindparam("merchant_id"),
    _columns.kind == bindparam("kind"),
    _columns.reference == bindparam("reference"),
)
_USED: Final = select(_columns.reference).where(
    _columns.merchant_id == bindparam("merchant_id"),
    _columns.kind == bindparam("kind"),
    among(_columns.reference, "references"),
)
IS_NAMED: Final = _NAMED.exists()
"""Whether :merchant_id has used :reference for an operation of :kind."""
_accepted = leaves.c.state == literal_column("'accepted'")
_WAITING: Final = select(leaves.c.seq).where(_accepted).offset(bindparam("limit")).limit(1)
HAS_BACKLOG: Final = (
    select(leaves.c.seq)
    .where(
        _accepted,
        leaves.c.seq <= select(func.max(leaves.c.seq)).scalar_subquery() - bindparam("limit"),
    )
    .exists()
)
"""Whether a leaf waits that has :limit newer ones: if not, fewer than that many wait. Cheap, however many they are."""


UNKNOWN_CONTENT: Final = ""
"""The content hash of an operation that was rebuilt from its leaf: what exactly was asked is not known any more."""


@dataclass(frozen=True, slots=True)
class Done:
    """An operation, new or found again by its reference."""

    operation: Operation
    replayed: bool


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 hex of the RFC 8785 form of the resolved input; instants are written as text."""
    plain = {key: instant(value) if isinstance(value, datetime) else value for key, value in content.items()}
    return hashlib.sha256(jcs(plain).encode()).hexdigest()


def known(tx: Transaction, *, merchant_id: str, kind: str, reference: str, content: str) -> Operation | None:
    """The first operation of that reference, or None. Raises ReferenceConflict when its content was another; one that was rebuilt
    after a restored backup is answered whatever is asked, because nothing may be counted twice.
    """
    found = _named(tx, merchant_id, kind, reference)
    if found is not None and found.content_hash not in (content, UNKNOWN_CONTENT):
        raise ReferenceConflict("this reference names something else already", existing_id=found.id)
    return found


def known_of(
    tx: Transaction, account: Account, content_of: Callable[[str], str], *, merchant_id: str, kind: str, reference: str
) -> Operation | None:
    """As `known`, where the content names the member: also by an account that became part of this one since."""
    named = {"merchant_id": merchant_id, "kind": kind, "reference": reference}
    try:
        return known(tx, **named, content=content_of(account.id))
    except ReferenceConflict:
        members = tables.members.c
        parts = select(members.id).where(members.merged_into == account.id)
        found = _named(tx, **named)
        earlier = [content_of(member_id) for member_id in tx.connection.execute(parts).scalars()]
        if found is None or found.content_hash not in earlier:
            raise
        return found


def _named(tx: Transaction, merchant_id: str, kind: str, reference: str) -> Operation | None:
    for staged in tx.staged.operations:
        if (staged.merchant_id, staged.kind, staged.reference) == (merchant_id, kind, reference):
            return staged
    if (merchant_id, kind, reference) in tx.unknown_references:
        return None
    asked = {"merchant_id": merchant_id, "kind": kind, "reference": reference}
    row = tx.connection.execute(_NAMED, asked).one_or_none()
    return None if row is None else Operation(**row._mapping)


def exists(tx: Transaction, merchant_id: str, kind: str, reference: str) -> bool:
    """Whether the merchant has an operation of that kind and reference."""
    return _named(tx, merchant_id, kind, reference) is not None


def look_up_references(tx: Transaction, merchant_id: str, kind: str, references: list[str]) -> list[str]:
    """Reads at once which references of a batch exist, so that each item need not ask: those."""
    asked = {"merchant_id": merchant_id, "kind": kind, "references": references}
    found = [row.reference for row in direct.ask(tx.connection, _USED, asked)]
    looked_up = {(merchant_id, kind, reference) for reference in references}
    known_here = {(merchant_id, kind, reference) for reference in found}
    tx.unknown_references |= looked_up - known_here
    return found


def start(tx: Transaction, operation: Operation) -> Operation:
    """Stages a new operation. Raises BacklogFull when too much waits, ReferencesUnknown after a restored backup."""
    unknown_references.check(tx, operation.merchant_id)
    check_backlog(tx)
    tx.staged.operations.append(operation)
    return operation


def check_backlog(tx: Transaction) -> None:
    """Raises BacklogFull when the settlement is so far behind that no promise should be given; asked once a
    transaction.
    """
    if tx.backlog_is_checked:
        return
    if tx.connection.execute(_WAITING, {"limit": tx.context.backlog_limit}).one_or_none() is not None:
        raise BacklogFull("too much waits for settlement; try again later", retry_after_seconds=10)
    tx.backlog_is_checked = True


def get(tx: Transaction, actor: Actor, operation_id: str, kind: str) -> Operation:
    """An operation that the actor may see. Raises NotFound, for foreign ones too."""
    columns = tables.operations.c
    query = select(*_COLUMNS).where(columns.id == operation_id, columns.kind == kind)
    row = tx.connection.execute(query).one_or_none()
    if row is None or not _may_see(actor, row):
        raise NotFound(f"no such {kind}")
    return Operation(**row._mapping)


def find(tx: Transaction, merchant_id: str, kind: str, reference: str) -> Operation:
    """The operation of that reference. Raises NotFound."""
    found = _named(tx, merchant_id, kind, reference)
    if found is None:
        raise NotFound(f"no such {kind}")
    return found


def children(tx: Transaction, parent_id: str, kind: str) -> list[Operation]:
    """The refunds, reversals or restorations of an operation, in the order in which they were recorded."""
    columns = tables.operations.c
    query = select(*_COLUMNS).where(columns.parent_id == parent_id, columns.kind == kind).order_by(columns.seq)
    return [Operation(**row._mapping) for row in tx.connection.execute(query)]


def by_parent(done: Iterable[Operation], kind: str) -> dict[str, list[Operation]]:
    """Those of a kind (refunds, say) by what they belong to, in their order."""
    found: dict[str, list[Operation]] = {}
    for one in done:
        if one.kind == kind and one.parent_id is not None:
            found.setdefault(one.parent_id, []).append(one)
    return found


def loaded(tx: Transaction, operation_ids: list[str]) -> dict[str, Operation]:
    """Operations by id."""
    query = select(*_COLUMNS).where(tables.operations.c.id.in_(operation_ids))
    return {row.id: Operation(**row._mapping) for row in tx.connection.execute(query)}


def parts_of(tx: Transaction, operation: Operation) -> int:
    """How many entries and facts an operation has, staged ones too, so that later ones are numbered on."""
    entries = select(func.count()).where(tables.entries.c.operation_id == operation.id).scalar_subquery()
    facts = select(func.count()).where(tables.facts.c.operation_id == operation.id).scalar_subquery()
    stored = int(tx.connection.execute(select(entries + facts)).scalar_one())
    if tx.is_flushed:
        return stored
    staged = [row.operation_id for row in tx.staged.entries] + [row.operation_id for row in tx.staged.facts]
    return stored + staged.count(operation.id)


def member_named(tx: Transaction, merchant_id: str, member_id: str | None, external_id: str | None) -> Account:
    """The merchant's member by one of the two, locked. Raises InvalidInput for none or both, NotFound."""
    if (member_id is None) == (external_id is None):
        raise checks.wrong("/member_id", "give either member_id or external_id")
    known = None if external_id is None else tx.known_members.get((merchant_id, external_id))
    if known is not None:
        account = tx.heir(tx.account(known))
    else:
        account = tx.member_of(merchant_id, member_id=member_id, external_id=external_id)
    if account.state == "closed":
        raise NotFound("no such member")
    return account


def active_refusal(account: Account) -> Refused | None:
    """Why there is nothing new for this member now: MemberFrozen, or MemberLeaving (closed). None: there may be."""
    if account.frozen:
        return MemberFrozen("the member is frozen")
    if account.state == "closed":
        return MemberLeaving("the member has closed their account", state=account.state)
    return None


def spending_refusal(account: Account) -> Refused | None:
    """As `active_refusal`. MemberLeaving also while the points are not in our keeping: then the member's signature spends them
    (quotes.py), and while they are on the way nothing does.
    """
    if account.state == "leaving" and not account.frozen:
        detail = "the member's points are on the way to another wallet: try again when they have arrived"
        return MemberLeaving(detail, state=account.state)
    if account.state == "left" and not account.frozen:
        detail = "the member keeps their points in a wallet of their own: make a quote for them to sign"
        return MemberLeaving(detail, state=account.state)
    return active_refusal(account)


def check_active(account: Account) -> None:
    """Raises what `active_refusal` says."""
    refusal = active_refusal(account)
    if refusal is not None:
        raise refusal


def check_kept(account: Account) -> None:
    """As `check_active`. Raises MemberLeaving also unless the points are in our keeping: only then can all of them be moved."""
    check_active(account)
    if account.state != "active":
        raise MemberLeaving("the member keeps their points in a wallet of their own: they come back first")


def check_spending(account: Account) -> None:
    """Raises what `spending_refusal` says."""
    refusal = spending_refusal(account)
    if refusal is not None:
        raise refusal


def _may_see(actor: Actor, row: Row[Any]) -> bool:
    if actor.is_admin:
        return True
    if actor.member_id is not None:
        return bool(row.member_id == actor.member_id)
    return bool(row.merchant_id == actor.merchant_id)
