"""Points that a member gives to a cause: burnt, and counted for the cause in public (docs/api.md "Give points away")."""

from __future__ import annotations

from dataclasses import asdict

from token_service.errors import Conflict, Forbidden, InsufficientBalance
from token_service.ledger import checks, operations, stored_lots, views
from token_service.ledger.causes import cause_row
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import free_lapsed
from token_service.ledger.inputs import NewDonation
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome
from token_service.ledger.posting import change_lots, sweep_expired
from token_service.ledger.redemptions import check_running
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction, read
from token_service.program import lots as engine
from token_service.program.rewards import value_of
from token_service.units import EntryKind


def donate(context: Context, actor: Actor, new: NewDonation) -> views.Outcome[views.Donation]:
    """The donation; the first one again when its reference is known with the same content. A member gives under the programme's
    own name.

    Raises InsufficientBalance (with `missing_points`), ReferenceConflict, NotFound (member, cause), Conflict (closed cause),
    InvalidInput, MemberFrozen, MemberLeaving, ProgramPaused, BacklogFull.
    """
    return outcome(context, lambda tx: _donate(tx, actor, new), donation_view, asked_by(actor, "donation", new))


def get_donation(context: Context, actor: Actor, donation_id: str) -> views.Donation:
    """Raises NotFound."""
    return read(context, lambda tx: donation_view(tx, operations.get(tx, actor, donation_id, "donation")))


def find_donation(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Donation:
    """The merchant's donation of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: donation_view(tx, operations.find(tx, merchant, "donation", reference)))


def donation_view(tx: Transaction, operation: Operation) -> views.Donation:
    """The view of a donation operation."""
    return views.Donation(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        cause_id=operation.facts["cause"],
        cause_name=operation.facts["cause_name"],
        points=operation.facts["points"],
        value=views.Money(operation.facts["value"], tx.program.currency),
        ruleset=operation.ruleset_hash,
    )


def _donate(tx: Transaction, actor: Actor, new: NewDonation) -> Done:
    if actor.member_id is not None:
        if actor.member_id != new.member_id:
            raise Forbidden("only the member gives the member's points")
        merchant_id, account = tx.own_merchant.id, tx.account(new.member_id)
    else:
        merchant_id = actor.acting_merchant(new.merchant_id)
        account = tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
    checks.reference(new.reference)
    points = checks.points("/points", new.points)
    content = operations.content_hash(asdict(new) | {"merchant_id": merchant_id})
    first = operations.known(tx, merchant_id=merchant_id, kind="donation", reference=new.reference, content=content)
    if first is not None:
        return Done(first, replayed=True)
    cause = cause_row(tx, new.cause_id)
    if cause.closed_at is not None:
        raise Conflict("this cause takes no more points")
    operations.check_spending(account)
    check_running(tx)
    free_lapsed(tx, account)
    at = stored_lots.consumption_time(tx)
    usable = engine.available(stored_lots.open_lots(tx, account), at)
    if points > usable:
        raise InsufficientBalance("There are not enough points.", available=usable, missing_points=points - usable)
    sweep_expired(tx, account)
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    facts = {"cause": cause.id, "cause_name": cause.name, "value": value_of(tx.ruleset(ruleset_hash), points)}
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("don"),
            kind="donation",
            merchant_id=merchant_id,
            member_id=account.id,
            reference=new.reference,
            content_hash=content,
            ruleset_hash=ruleset_hash,
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts=facts | {"points": points},
            result={},
        ),
    )
    uses = engine.consume(stored_lots.open_lots(tx, account), points, at=at)
    change_lots(tx, account, operation, kind=EntryKind.DONATION, uses=uses, party=cause.party, more=facts)
    return Done(operation, replayed=False)
