"""Points minted by hand within the merchant's ceiling and the ruleset's limit, and their reversal (API.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from token_service.errors import AlreadyReversed
from token_service.ledger import by_hand, checks, operations, views
from token_service.ledger.accounts import Account
from token_service.ledger.awards import pay_debts
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewIssuance, NewReversal
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome
from token_service.ledger.posting import credit
from token_service.ledger.reversal_views import reversal_view
from token_service.ledger.staged import Operation
from token_service.ledger.taking_back import lost_of, take_back
from token_service.ledger.transaction import Transaction, read
from token_service.program.expiry import expires_at
from token_service.program.limits import check_manual_issuance
from token_service.program.manual import ByHand
from token_service.program.refunds import to_take_back
from token_service.units import EntryKind


def issue(context: Context, actor: Actor, new: NewIssuance) -> views.Outcome[views.Issuance]:
    """The issuance; the first one again when its reference is known with the same content.

    Raises ReferenceConflict, NotFound, InvalidInput, LimitExceeded, CeilingReached, MemberFrozen, MemberLeaving,
    ProgramPaused, AfterSunset, BacklogFull.
    """
    return outcome(context, lambda tx: _issue(tx, actor, new), issuance_view, asked_by(actor, "issuance", new))


def reverse_issuance(
    context: Context, actor: Actor, issuance_id: str, new: NewReversal
) -> views.Outcome[views.Reversal]:
    """Takes an issuance back, all that is left of it or `points`; what the member no longer has becomes debt.

    Raises NotFound, ReferenceConflict, InvalidInput, AlreadyReversed when nothing is left of it.
    """
    return outcome(context, lambda tx: _reverse(tx, actor, issuance_id, new), reversal_view)


def get_issuance(context: Context, actor: Actor, issuance_id: str) -> views.Issuance:
    """Raises NotFound."""
    return read(context, lambda tx: issuance_view(tx, operations.get(tx, actor, issuance_id, "issuance")))


def find_issuance(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Issuance:
    """The merchant's issuance of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: issuance_view(tx, operations.find(tx, merchant, "issuance", reference)))


def _issue(tx: Transaction, actor: Actor, new: NewIssuance) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
    party = tx.merchant(merchant_id).party
    checks.reference(new.reference)
    checks.points("/points", new.points)
    checks.text("/reason", new.reason)
    content = operations.content_hash(asdict(new) | {"merchant_id": merchant_id})
    first = operations.known(tx, merchant_id=merchant_id, kind="issuance", reference=new.reference, content=content)
    if first is not None:
        return Done(first, replayed=True)
    operations.check_active(account)
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    ruleset = tx.ruleset(ruleset_hash)
    check_manual_issuance(ruleset, new.points)
    given = ByHand(merchant_id, by_hand.local_date(ruleset, tx), actor.name, new.points)
    by_hand.check_issuance(tx, account, ruleset, given)
    asked = {"points": new.points, "reason": new.reason, "actor": actor.name}
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("iss"),
            kind="issuance",
            merchant_id=merchant_id,
            member_id=account.id,
            reference=new.reference,
            content_hash=content,
            ruleset_hash=ruleset_hash,
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts=asked,
            result={},
        ),
    )
    until = expires_at(ruleset, tx.now, account.last_activity_at)
    more = {"reason": new.reason, "actor": actor.name}
    credit(tx, account, operation, kind=EntryKind.ISSUANCE, points=new.points, party=party, expires_at=until, more=more)
    by_hand.count_issuance(tx, account, operation)
    pay_debts(tx, account)
    return Done(operation, replayed=False)


def _reverse(tx: Transaction, actor: Actor, issuance_id: str, new: NewReversal) -> Done:
    issuance = operations.get(tx, actor, issuance_id, "issuance")
    done = take_issue_back(tx, actor, issuance, issued=issuance.facts["points"], new=new)
    if not done.replayed:
        reversals = [*operations.children(tx, issuance.id, "reversal"), done.operation]
        by_hand.count_taken_back(tx, tx.heir(tx.account(issuance.member_id)), issuance, reversals)
    return done


def take_issue_back(tx: Transaction, actor: Actor, issuance: Operation, *, issued: int, new: NewReversal) -> Done:
    """The reversal of an operation that issued points, or none: all that is left of them or `new.points`."""
    account = tx.heir(tx.account(issuance.member_id))
    checks.reference(new.reference)
    checks.optional_text("/reason", new.reason)
    content = operations.content_hash(asdict(new) | {"of": issuance.id})
    first = operations.known(
        tx, merchant_id=issuance.merchant_id, kind="reversal", reference=new.reference, content=content
    )
    if first is not None:
        return Done(first, replayed=True)
    earlier = operations.children(tx, issuance.id, "reversal")
    asked_before = sum(operation.facts["points"] for operation in earlier)
    if earlier and asked_before >= issued:
        raise AlreadyReversed("this issuance was taken back before", existing_id=earlier[-1].id)
    asked = issued - asked_before if new.points is None else checks.points("/points", new.points)
    if asked > issued - asked_before:
        raise checks.wrong("/points", "more would be taken back than is left of the issuance")
    named = (new.reference, content)
    reversal = take_part_back(
        tx,
        account,
        issuance,
        asked=asked,
        named=named,
        reason=new.reason,
        actor_name=actor.name,
        earlier=earlier,
        issued=issued,
    )
    return Done(reversal, replayed=False)


def take_part_back(
    tx: Transaction,
    account: Account,
    issuance: Operation,
    *,
    asked: int,
    named: tuple[str, str],
    reason: str | None,
    actor_name: str,
    earlier: Sequence[Operation] = (),
    issued: int | None = None,
) -> Operation:
    """The reversal of `asked` points of an operation that issued `issued` (None: just as many), after the earlier ones; `named`
    is its reference and its content's hash.
    """
    issued = asked if issued is None else issued
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("rev"),
            kind="reversal",
            merchant_id=issuance.merchant_id,
            member_id=account.id,
            parent_id=issuance.id,
            reference=named[0],
            content_hash=named[1],
            ruleset_hash=issuance.ruleset_hash,
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts={"points": asked, "reason": reason},
            result={},
        ),
    )
    points = to_take_back(
        awarded=issued,
        kept=issued - sum(before.facts["points"] for before in earlier) - asked,
        expired=lost_of(tx, account, issuance.id),
        taken=sum(before.result["reversed"] + before.result["debt"] for before in earlier),
    )
    party = tx.merchant(issuance.merchant_id).party
    more = {"asked": asked, "reason": reason, "actor": actor_name}
    moved, debt = take_back(tx, account, operation, points=points, party=party, of=issuance.id, more=more)
    operation.result |= {"reversed": moved, "debt": debt}
    return operation


def issuance_view(tx: Transaction, operation: Operation) -> views.Issuance:
    """The view of an issuance operation."""
    return views.Issuance(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        points=operation.facts["points"],
        reason=operation.facts["reason"],
        reversed=sum(
            child.result["reversed"] + child.result["debt"]
            for child in operations.children(tx, operation.id, "reversal")
        ),
        ruleset=operation.ruleset_hash,
    )
