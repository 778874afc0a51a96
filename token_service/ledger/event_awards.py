"""What an event earns a member: decided within the limits of its rules, issued at once, counted in levels and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from token_service.ledger import campaign_uses, operations, tables, tiers
from token_service.ledger.accounts import Account
from token_service.ledger.awards import award_points
from token_service.ledger.challenge_rows import read_many as read_challenges
from token_service.ledger.contacts import others_of
from token_service.ledger.membership_rows import held_ids
from token_service.ledger.membership_rows import read_many as read_periods
from token_service.ledger.posting import fact
from token_service.ledger.purchase_facts import (
    count,
    count_in_history,
    day_points,
    history,
    read_days,
    read_histories,
    segments_of,
)
from token_service.ledger.purchase_views import purchase_state
from token_service.ledger.staged import Operation, PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.program.challenge_schema import CountEvents
from token_service.program.earning import Award
from token_service.program.event_facts import EventFacts, MembershipFacts, Person
from token_service.program.events import (
    decide_event_within_limits,
    event_qualification,
    limited_names,
    needs_earned_points,
    points_used,
)
from token_service.program.facts import LocalTime, MemberFacts, local_time, member_age_days
from token_service.program.ruleset import Ruleset
from token_service.program.schema import ActionRule
from token_service.program.segments import declared
from token_service.program.tiers import tier_at

_uses = tables.campaign_uses.c
Won = Callable[[Award], Mapping[str, str]]


def won_nothing(_award: Award) -> Mapping[str, str]:
    """What most events give beside points."""
    return {}


def record_event(
    tx: Transaction,
    account: Account,
    *,
    merchant_id: str,
    reference: str,
    content: str,
    event: str,
    subject: str | None,
    occurred_at: datetime,
    parent_id: str | None = None,
    membership: MembershipFacts | None = None,
    won: Won = won_nothing,
    earned_points: int | None = None,
) -> Operation:
    """The event, with its award issued; `won` says what it gives beside points, for its result, once that is decided. The
    caller has looked that the reference is new and the member may get points.

    Raises CeilingReached, ProgramPaused, AfterSunset, BacklogFull.
    """
    ruleset_hash = tx.ruleset_hash_at(occurred_at)
    ruleset = tx.ruleset(ruleset_hash)
    member, local = surroundings(tx, account, ruleset, occurred_at)
    facts, award = _decide(
        tx,
        account,
        ruleset,
        replace(
            EventFacts(occurred_at, local, event, subject, merchant_id, member),
            membership=membership,
            earned_points=earned_points if needs_earned_points(ruleset) else None,
        ),
    )
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("evt"),
            kind="event",
            merchant_id=merchant_id,
            member_id=account.id,
            reference=reference,
            content_hash=content,
            ruleset_hash=ruleset_hash,
            occurred_at=occurred_at,
            recorded_at=tx.now,
            facts=facts.to_json(),
            parent_id=parent_id,
            result=award.to_json() | dict(won(award)),
        ),
    )
    if award.points:
        award_points(tx, account, operation, award.points)
    else:
        fact(tx, account, "event", operation=operation, more={"facts": operation.facts, **operation.result})
    state = event_state(operation, facts, award.points)
    tx.staged.purchases.append(state)
    count(account, state)
    campaign_uses.use_event(tx, operation, ruleset, facts, award)
    tiers.review(tx, account, is_only_more=True)
    return operation


def record_own(
    tx: Transaction,
    account: Account,
    event: str,
    reference: str,
    *,
    subject: str | None = None,
    parent_id: str | None = None,
    won: Won = won_nothing,
    earned_points: int | None = None,
) -> Operation:
    """An event of the programme's own, now: the programme issues for it. Raises as `record_event`."""
    return record_event(
        tx,
        account,
        merchant_id=tx.own_merchant.id,
        reference=reference,
        content=operations.content_hash({"event": event, "reference": reference}),
        event=event,
        subject=subject,
        occurred_at=tx.now,
        parent_id=parent_id,
        won=won,
        earned_points=earned_points,
    )


def event_state(operation: Operation, facts: EventFacts, kept: int, taken: int = 0) -> PurchaseState:
    """What an event keeps and counts for."""
    counts = event_qualification(facts, kept)
    return PurchaseState(
        operation_id=operation.id,
        member_id=operation.member_id,
        occurred_at=operation.occurred_at,
        local_date=facts.local.date,
        awarded=int(operation.result["points"]),
        kept=kept,
        taken=taken,
        refunded_cents=0,
        tier_spend_cents=counts.spend,
        tier_points=counts.points,
        tier_orders=counts.orders,
        tier_engagement=counts.engagement,
    )


def keep_nothing(tx: Transaction, account: Account, event: Operation, reversal: Operation) -> None:
    """After a reversal: the event counts for nothing any more, and what limited rules gave is free again."""
    facts, before = EventFacts.from_json(event.facts), purchase_state(tx, event.id)
    taken = reversal.result["reversed"] + reversal.result["debt"]
    state = event_state(event, facts, 0, taken)
    tx.staged.changed_purchases.append(state)
    date = facts.local.date
    account.day_points[date] = day_points(tx, account, date) - before.kept
    count_in_history(account, state)
    campaign_uses.give_event_back(tx, event)


def read_events_ahead(
    tx: Transaction, accounts: Sequence[Account], ruleset: Ruleset, event: str, subject: str | None = None
) -> None:
    """Asks at once what an event of that type, now, will ask of each of these locked members, before anything is staged."""
    read_histories(tx, accounts)
    read_days(tx, accounts, (local_time(tx.now, ruleset.program.time_zone).date,))
    if ruleset.memberships:
        read_periods(tx, accounts)
    campaign_uses.read_event_uses(tx, accounts, limited_names(ruleset, event, subject))
    counting = (one.id for one in ruleset.challenges if isinstance(one.count, CountEvents) and one.count.event == event)
    read_challenges(tx, accounts, tuple(counting))


def surroundings(
    tx: Transaction, account: Account, ruleset: Ruleset, occurred_at: datetime
) -> tuple[MemberFacts, LocalTime]:
    """The member just before an event or the use of a benefit, and the programme's clock at it."""
    local = local_time(occurred_at, ruleset.program.time_zone)
    return member_facts(tx, account, ruleset, occurred_at), local


def member_facts(tx: Transaction, account: Account, ruleset: Ruleset, occurred_at: datetime) -> MemberFacts:
    """The member just before an event."""
    zone = ruleset.program.time_zone
    return MemberFacts(
        tier=None if ruleset.tiers is None else tier_at(ruleset, history(tx, account).values(), occurred_at),
        age_days=member_age_days(account.created_at, occurred_at, zone),
        purchases=account.purchase_count,
        day_points=day_points(tx, account, local_time(occurred_at, zone).date),
        memberships=held_ids(tx, account, ruleset, occurred_at),
        segments=declared(ruleset, segments_of(account)),
    )


def _decide(tx: Transaction, account: Account, ruleset: Ruleset, facts: EventFacts) -> tuple[EventFacts, Award]:
    def uses(rule_ids: Sequence[str]) -> campaign_uses.EventUses:
        return campaign_uses.event_uses(tx, account, rule_ids)

    return decide_event_within_limits(
        ruleset, facts, uses, lambda budget: campaign_uses.left(tx, budget), lambda rule: _person(tx, account, rule)
    )


def _person(tx: Transaction, account: Account, rule: ActionRule) -> Person:
    """Whether the person who has this account (by e-mail address or telephone) had something of the rule with another card."""
    others = others_of(tx, account.id)
    if others is None:
        return "unknown"
    query = select(_uses.id).where(_uses.member_id.in_(others), _uses.campaign_id == rule.id, _uses.points > 0).limit(1)
    if tx.connection.execute(query).first() is not None:
        return "known"
    staged = {use.member_id for use in tx.staged.campaign_uses if use.campaign_id == rule.id} - {account.id}
    if staged and not staged.isdisjoint(tx.connection.execute(others).scalars()):
        return "known"
    return "new"


def replayed_state(event: Operation, reversals: Sequence[Operation]) -> PurchaseState:
    """What the sources say that an event keeps."""
    facts = EventFacts.from_json(event.facts)
    taken = sum(one.result["reversed"] + one.result["debt"] for one in reversals)
    return event_state(event, facts, 0 if reversals else int(event.result["points"]), taken)


def replayed_uses(event: Operation, ruleset: Ruleset, *, is_reversed: bool) -> dict[str, int]:
    """What the sources say that an event holds of limited rules; 0 for what was given back."""
    held = points_used(ruleset, EventFacts.from_json(event.facts), Award.from_json(event.result))
    return dict.fromkeys(held, 0) if is_reversed else held
