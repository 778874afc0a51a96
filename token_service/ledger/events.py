"""Events: what is no purchase and may earn (docs/rulesets.md "Events"). Merchants send them; the programme has its own.

Each is recorded once under its reference, earns at once, and is a leaf also when it earns nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from token_service.errors import AlreadyReversed
from token_service.ledger import challenges, checks, operations, tiers, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.event_awards import keep_nothing, record_event
from token_service.ledger.event_views import event_view
from token_service.ledger.inputs import NewEvent, NewReversal
from token_service.ledger.issuances import take_issue_back
from token_service.ledger.looking_ahead import as_of
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.reversal_views import reversal_view
from token_service.ledger.transaction import Transaction, read
from token_service.program.challenges import COMPLETED
from token_service.program.event_facts import OWN_PREFIX
from token_service.program.memberships import BOUGHT
from token_service.program.windows import check_not_too_late

TYPE_LENGTH_MAX: Final = 40
SUBJECT_LENGTH_MAX: Final = 200


def send_event(context: Context, actor: Actor, new: NewEvent) -> views.Outcome[views.Event]:
    """The event with what it earned; the first one again when its reference is known with the same content.

    Raises ReferenceConflict, NotFound (member, merchant), InvalidInput, TooLate, MemberFrozen, MemberLeaving, CeilingReached,
    ProgramPaused, AfterSunset, BacklogFull.
    """
    return outcome(context, lambda tx: _send(tx, actor, new), event_view, asked_by(actor, "event", new))


def simulate_event(context: Context, actor: Actor, new: NewEvent) -> views.Simulation[views.Event]:
    """What `send_event` would answer now, or at an `occurred_at` that lies ahead (looking_ahead.py); or the refusal. Nothing is
    recorded.
    """

    def member_of(tx: Transaction) -> str:
        merchant_id = actor.acting_merchant(new.merchant_id)
        return operations.member_named(tx, merchant_id, new.member_id, new.external_id).id

    at = as_of(context, new.occurred_at)
    return simulated(at, lambda tx: _send(tx, actor, new), event_view, member_of)


def reverse_event(context: Context, actor: Actor, event_id: str, new: NewReversal) -> views.Outcome[views.Reversal]:
    """Takes back all that an event earned: the review was false, the subscription was refunded. What the member no longer has
    becomes debt; what limited rules gave is free again.

    Raises NotFound, ReferenceConflict, InvalidInput, AlreadyReversed when it was taken back before, or earned nothing.
    """
    return outcome(context, lambda tx: _reverse(tx, actor, event_id, new), reversal_view)


def get_event(context: Context, actor: Actor, event_id: str) -> views.Event:
    """Raises NotFound."""
    return read(context, lambda tx: event_view(tx, operations.get(tx, actor, event_id, "event")))


def find_event(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Event:
    """The merchant's event of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: event_view(tx, operations.find(tx, merchant, "event", reference)))


def _send(tx: Transaction, actor: Actor, new: NewEvent) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = operations.member_named(tx, merchant_id, new.member_id, new.external_id)
    checks.reference(new.reference)
    checks.text("/type", new.type, longest=TYPE_LENGTH_MAX)
    checks.optional_text("/subject", new.subject, longest=SUBJECT_LENGTH_MAX)
    if new.type.startswith(OWN_PREFIX):
        raise checks.wrong("/type", f"the programme itself records what begins with {OWN_PREFIX}")
    occurred_at = checks.when(tx, "/occurred_at", new.occurred_at)

    def content(member_id: str) -> str:
        return operations.content_hash(
            asdict(new) | {"merchant_id": merchant_id, "member_id": member_id, "external_id": None}
        )

    named = {"merchant_id": merchant_id, "kind": "event", "reference": new.reference}
    first = operations.known_of(tx, account, content, **named)
    if first is not None:
        return Done(first, replayed=True)
    operations.check_active(account)
    check_not_too_late(tx.ruleset(tx.ruleset_hash_at(occurred_at)), occurred_at, tx.now)
    operation = record_event(
        tx,
        account,
        merchant_id=merchant_id,
        reference=new.reference,
        content=content(account.id),
        event=new.type,
        subject=new.subject,
        occurred_at=occurred_at,
    )
    challenges.after_event(tx, account, operation)
    return Done(operation, replayed=False)


def _reverse(tx: Transaction, actor: Actor, event_id: str, new: NewReversal) -> Done:
    event = operations.get(tx, actor, event_id, "event")
    if event.facts["event"] == BOUGHT:
        raise checks.wrong("/event", "a membership is refunded with a call of its own")
    if event.facts["event"] == COMPLETED:
        raise checks.wrong("/event", "a challenge's award follows its purchases: refund them, or correct by hand")
    if new.points is not None:
        raise checks.wrong("/points", "an event is taken back whole: leave points out")
    if event.result["points"] == 0:
        raise AlreadyReversed("this event earned nothing", existing_id=event.id)
    done = take_issue_back(tx, actor, event, issued=event.result["points"], new=new)
    if not done.replayed:
        account = tx.heir(tx.account(event.member_id))
        keep_nothing(tx, account, event, done.operation)
        tiers.review(tx, account)
        challenges.after_reversal(tx, account, event)
    return done
