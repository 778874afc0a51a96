"""Members and the points that they bring from an earlier programme: parts of a file that was decided about (imports.py).

Points come as adjustments up, in the name of whoever vouches for them, with the date that the file says. Each has its own
reference, so that the same file brings them once; where one row of a part is refused, all of the part is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select

from token_service.errors import CallerError, Conflict, InvalidInput, ReferenceConflict
from token_service.ledger import by_hand, checks, operations, tables, views
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.awards import pay_debts
from token_service.ledger.context import Actor, Context
from token_service.ledger.enrolments import Enrolled, enrol_unwelcomed, enrolled_before
from token_service.ledger.import_inputs import NewImport, OpeningAccount, OpeningLot
from token_service.ledger.import_views import Brought
from token_service.ledger.imports import permitted
from token_service.ledger.inputs import NewMember
from token_service.ledger.own_events import welcome
from token_service.ledger.posting import credit
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction, read, write
from token_service.program.expiry import expires_at
from token_service.units import EntryKind

KIND: Final = "adjustment"
ACCOUNTS_MAX: Final = checks.BATCH_MAX
CHANGED: Final = "these points came in before, with other figures or for another member: leave the row as it was"
EXPIRED: Final = (
    "these points have expired: leave the row out, or leave points_expire_at empty for the date that the rules give"
)
ENROLLED_OTHERWISE: Final = (
    "this member is enrolled already with other data: leave the row as it was, or say nothing but member and points"
)
_done = tables.operations.c
_BROUGHT: Final = select(_done.reference, _done.content_hash).where(
    _done.merchant_id == bindparam("merchant_id"),
    _done.kind == KIND,
    among(_done.reference, "references"),
)


def reference_of(lot: OpeningLot) -> str:
    """What the adjustment is called among the merchant's."""
    return f"import/{lot.reference}"


def check_accounts(context: Context, actor: Actor, new: NewImport, accounts: Sequence[OpeningAccount]) -> Brought:
    """What bringing these in would do, each refusal with its line; nothing is written. At most 1,000 accounts.

    Raises Forbidden for anybody but an admin, NotFound (merchant).
    """
    _check_asked(actor, accounts)

    def work(tx: Transaction) -> Brought:
        tx.merchant(new.merchant_id)
        part = _Part(tx, new, accounts)
        enrolled = enrolled_before(tx, actor, [one.member for one in accounts])
        part.take(accounts, enrolled, None)
        return part.found

    return read(context, work)


def bring_in(
    context: Context, actor: Actor, import_id: str, new: NewImport, accounts: Sequence[OpeningAccount]
) -> Brought:
    """Enrols these and gives them their points, all in one transaction; those who are there already stay as they are.

    Raises ApprovalNeeded, Conflict (declined), and the first refusal, with its line; CeilingReached, BacklogFull, ProgramPaused,
    AfterSunset.
    """
    _check_asked(actor, accounts)

    def work(tx: Transaction) -> Brought:
        decided = permitted(tx, import_id)
        part = _Part(tx, new, accounts)
        enrolled = enrol_unwelcomed(tx, actor, [one.member for one in accounts])
        part.take(accounts, enrolled, decided)
        if part.found.refused:
            raise at_line(*part.found.refused[0])
        if decided.welcomes:
            welcome(tx, [one.id for one in enrolled if isinstance(one, Enrolled) and one.is_new])
        return part.found

    return write(context, work)


def at_line(line: int, refusal: CallerError) -> InvalidInput:
    """The refusal of a row, with its place in the file."""
    return InvalidInput(f"line {line}: {refusal.detail}")


def _check_asked(actor: Actor, accounts: Sequence[OpeningAccount]) -> None:
    actor.need_admin()
    if len(accounts) > ACCOUNTS_MAX:
        raise InvalidInput(f"at most {ACCOUNTS_MAX} accounts come in together")


class _Part:
    """A part of the file under way: what of it is there already, and what became of the rest."""

    def __init__(self, tx: Transaction, new: NewImport, accounts: Sequence[OpeningAccount]) -> None:
        self._tx, self._new = tx, new
        self.found = Brought()
        references = [reference_of(lot) for one in accounts for lot in one.lots]
        asked = {"merchant_id": new.merchant_id, "references": references}
        self._before = {row.reference: row.content_hash for row in tx.connection.execute(_BROUGHT, asked)}
        tx.unknown_references |= {(new.merchant_id, KIND, one) for one in references if one not in self._before}

    def take(
        self,
        accounts: Sequence[OpeningAccount],
        enrolled: Sequence[Enrolled | CallerError | None],
        decided: views.Import | None,
    ) -> None:
        """Counts members and points; with a decision the points are given."""
        members = [_there(*pair) for pair in zip(accounts, enrolled, strict=True)]
        self._tx.lock_accounts(one.id for one in members if isinstance(one, Enrolled))
        for account, member in zip(accounts, members, strict=True):
            if isinstance(member, CallerError):
                self.found.refused.append((account.line, member))
                continue
            is_new = member is None or member.is_new
            self.found.members += is_new
            self.found.members_before += not is_new
            known = None if member is None else self._tx.heir(self._tx.account(member.id))
            for lot in account.lots:
                content = _content(self._new, account, lot)
                if self._is_new(lot, content, known) and decided is not None and known is not None:
                    self._give(decided, known, lot, content)

    def _is_new(self, lot: OpeningLot, content: str, known: Account | None) -> bool:
        """Whether these points are not there yet and may come; counts them, or why not."""
        before = self._before.get(reference_of(lot))
        if before in (content, operations.UNKNOWN_CONTENT):
            self.found.points_before += lot.points
            return False
        try:
            if before is not None:
                raise ReferenceConflict(CHANGED)
            self._check(lot, known)
        except CallerError as refusal:
            self.found.refused.append((lot.line, refusal))
            return False
        self.found.points += lot.points
        return True

    def _check(self, lot: OpeningLot, known: Account | None) -> None:
        checks.reference(reference_of(lot))
        checks.points("/points", lot.points)
        if lot.expires_at is not None and lot.expires_at <= self._tx.now:
            raise InvalidInput(EXPIRED)
        if known is not None:
            operations.check_active(known)

    def _give(self, decided: views.Import, account: Account, lot: OpeningLot, content: str) -> None:
        """The adjustment up, and what it pays of a debt."""
        tx, ruleset_hash = self._tx, self._tx.ruleset_hash_at(self._tx.now)
        approved_by = decided.decided_by if decided.state == "approved" else None
        ruleset = tx.ruleset(ruleset_hash)
        if approved_by is None:
            by_hand.check_adjustment(tx, ruleset, lot.points, actor=decided.proposed_by)
        said = _said(decided, lot, approved_by)
        operation = operations.start(
            tx,
            Operation(
                id=tx.new_id("adj"),
                kind=KIND,
                merchant_id=self._new.merchant_id,
                member_id=account.id,
                reference=reference_of(lot),
                content_hash=content,
                ruleset_hash=ruleset_hash,
                occurred_at=tx.now,
                recorded_at=tx.now,
                facts={"points": lot.points, **said},
                result={},
            ),
        )
        by_hand.count_adjustment(tx, operation)
        credit(
            tx,
            account,
            operation,
            kind=EntryKind.ADJUSTMENT_UP,
            points=lot.points,
            party=tx.merchant(self._new.merchant_id).party,
            expires_at=lot.expires_at or expires_at(ruleset, tx.now, account.last_activity_at),
            more=said,
        )
        pay_debts(tx, account)


def _said(decided: views.Import, lot: OpeningLot, approved_by: str | None) -> dict[str, Any]:
    """What the leaf says beside the points: who vouches, and for which file."""
    said: dict[str, Any] = {
        "reason": f"imported from {decided.source}",
        "actor": decided.proposed_by,
        "imported": {"from": decided.source, "file": decided.file_hash, "dated": lot.expires_at is not None},
    }
    return said if approved_by is None else said | {"approved_by": approved_by}


def _there(account: OpeningAccount, member: Enrolled | CallerError | None) -> Enrolled | CallerError | None:
    """The member; also one who was enrolled otherwise, where the row says nothing of them but what the shop calls them."""
    if not isinstance(member, Conflict):
        return member
    new, existing_id = account.member, member.facts["existing_id"]
    if new == NewMember(new.external_id, merchant_id=new.merchant_id):
        return Enrolled(str(existing_id), str(new.merchant_id), "", is_new=False)
    return Conflict(ENROLLED_OTHERWISE, existing_id=existing_id)


def _content(new: NewImport, account: OpeningAccount, lot: OpeningLot) -> str:
    """What the points are; not in which file they stood: a longer file may bring them again."""
    said = {
        "import": new.source,
        "merchant_id": new.merchant_id,
        "external_id": account.member.external_id,
        "points": lot.points,
        "expires_at": lot.expires_at,
    }
    return operations.content_hash({name: value for name, value in said.items() if value is not None})
