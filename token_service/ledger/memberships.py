"""Paid memberships: a merchant sells a period, renews it, refunds it (docs/rulesets.md "memberships").

A bought period is an event of the member (events.py), recorded once under its reference; what it gives is issued at once.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from token_service.errors import InvalidInput, NotFound, Place
from token_service.ledger import checks, operations, tiers, views
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.event_awards import keep_nothing, record_event
from token_service.ledger.inputs import NewMembership, NewReversal
from token_service.ledger.issuances import take_issue_back
from token_service.ledger.membership_rows import end_period, periods_of, row_of, stage_period
from token_service.ledger.membership_tables import member_memberships
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.reversal_views import reversal_view
from token_service.ledger.staged import BoughtPeriod, Operation
from token_service.ledger.transaction import Transaction, read
from token_service.program.durations import start_of_day
from token_service.program.memberships import BOUGHT, bought, membership_named
from token_service.program.windows import check_not_too_late

DAYS_MAX = 366


def sell_membership(context: Context, actor: Actor, new: NewMembership) -> views.Outcome[views.Membership]:
    """The period that was bought; the first one again when its reference is known with the same content.

    Raises ReferenceConflict, NotFound (member, merchant), InvalidInput (also for a membership that the rules don't have),
    TooLate, MemberFrozen, MemberLeaving, CeilingReached, ProgramPaused, AfterSunset, BacklogFull.
    """
    return outcome(context, lambda tx: _sell(tx, actor, new), membership_view, asked_by(actor, "membership", new))


def simulate_membership(context: Context, actor: Actor, new: NewMembership) -> views.Simulation[views.Membership]:
    """What `sell_membership` would answer now, or the refusal; nothing is recorded."""

    def member_of(tx: Transaction) -> str:
        merchant_id = actor.acting_merchant(new.merchant_id)
        return operations.member_named(tx, merchant_id, new.member_id, new.external_id).id

    return simulated(context, lambda tx: _sell(tx, actor, new), membership_view, member_of)


def refund_membership(
    context: Context, actor: Actor, membership_id: str, new: NewReversal
) -> views.Outcome[views.Membership]:
    """The period, ended now: its benefits are over, and the points that came with it are taken back.

    Raises NotFound, ReferenceConflict, InvalidInput, AlreadyReversed when it was refunded before.
    """

    def shown(tx: Transaction, reversal: Operation) -> views.Membership:
        sold = str(reversal.parent_id)
        return membership_view(tx, operations.loaded(tx, [sold])[sold])

    return outcome(context, lambda tx: _refund(tx, actor, membership_id, new), shown)


def simulate_membership_refund(
    context: Context, actor: Actor, membership_id: str, new: NewReversal
) -> views.Simulation[views.Reversal]:
    """What `refund_membership` would take back now, or the refusal; nothing is recorded. Raises NotFound."""

    def member_of(tx: Transaction) -> str:
        return tx.heir(tx.account(_own(tx, actor, membership_id).member_id)).id

    return simulated(context, lambda tx: _refund(tx, actor, membership_id, new), reversal_view, member_of)


def get_membership_refund(context: Context, actor: Actor, reversal_id: str) -> views.Reversal:
    """What the refund of a period took back. Raises NotFound."""
    return read(context, lambda tx: reversal_view(tx, operations.get(tx, actor, reversal_id, "reversal")))


def get_membership(context: Context, actor: Actor, membership_id: str) -> views.Membership:
    """Raises NotFound."""
    return read(context, lambda tx: membership_view(tx, _own(tx, actor, membership_id)))


def list_memberships(context: Context, actor: Actor, member_id: str) -> tuple[views.Membership, ...]:
    """All periods that the member ever bought, newest first. Raises NotFound."""

    def work(tx: Transaction) -> tuple[views.Membership, ...]:
        account = visible_account(tx, actor, member_id)
        found = operations.loaded(tx, list(periods_of(tx, account)))
        newest_first = sorted(found.values(), key=lambda one: one.recorded_at, reverse=True)
        return tuple(membership_view(tx, one) for one in newest_first)

    return read(context, work)


def membership_totals(context: Context, actor: Actor, since: date, until: date) -> tuple[views.MembershipTotal, ...]:
    """For each membership: periods sold between two local dates (both included), renewals and refunds among them, what was paid
    and what was given back, and how many members hold one now; of a merchant its own sales, of an admin all.

    Raises InvalidInput for a period that ends before it begins, or has more than 366 days.
    """
    if not 0 <= (until - since).days < DAYS_MAX:
        detail = f"must lie on or after since, at most {DAYS_MAX} days in all"
        raise InvalidInput(detail, places=(Place("/until", detail),))

    def work(tx: Transaction) -> tuple[views.MembershipTotal, ...]:
        columns = member_memberships.c
        zone = tx.ruleset(tx.ruleset_hash_at(tx.now)).program.time_zone
        start, end = start_of_day(since, zone), start_of_day(until + timedelta(days=1), zone)
        was_sold = (columns.bought_at >= start) & (columns.bought_at < end)
        was_refunded = (columns.ended_at >= start) & (columns.ended_at < end)
        is_held = (columns.starts_at <= tx.now) & (columns.keeps_until > tx.now) & columns.ended_at.is_(None)

        def total(where: ColumnElement[bool], value: Any = 1) -> ColumnElement[int]:
            return func.coalesce(func.sum(case((where, value), else_=0)), 0)

        query = select(
            columns.membership,
            total(was_sold),
            total(was_sold & columns.is_renewal),
            total(was_refunded),
            total(was_sold, columns.paid),
            total(was_refunded, columns.paid),
            func.count(func.distinct(case((is_held, columns.member_id)))),
        ).group_by(columns.membership)
        if not actor.is_admin:
            query = query.where(columns.merchant_id == actor.acting_merchant(None))
        rows = tx.connection.execute(query.order_by(columns.membership))
        return tuple(views.MembershipTotal(row[0], *(int(value) for value in row[1:])) for row in rows)

    return read(context, work)


def membership_view(tx: Transaction, event: Operation) -> views.Membership:
    """The view of a bought period, staged or stored."""
    row = _row(tx, event)
    return views.Membership(
        id=event.id,
        created_at=event.recorded_at,
        reference=event.reference,
        merchant_id=event.merchant_id,
        member_id=event.member_id,
        membership=row.membership,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        keeps_until=row.keeps_until,
        is_renewal=row.is_renewal,
        paid=views.Money(row.paid, tx.program.currency),
        points=event.result["points"],
        breakdown=tuple(views.BreakdownLine(**line) for line in event.result["breakdown"]),
        ended_at=row.ended_at,
        ruleset=event.ruleset_hash,
    )


def _row(tx: Transaction, event: Operation) -> BoughtPeriod:
    columns = member_memberships.c
    found = tx.connection.execute(select(columns.ended_at).where(columns.operation_id == event.id)).one_or_none()
    if event.id in tx.staged.ended_periods:
        return row_of(event, tx.now)
    return row_of(event, None if found is None else found.ended_at)


def _own(tx: Transaction, actor: Actor, membership_id: str) -> Operation:
    event = operations.get(tx, actor, membership_id, "event")
    if event.facts["event"] != BOUGHT:
        raise NotFound("no such membership")
    return event


def _sell(tx: Transaction, actor: Actor, new: NewMembership) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = operations.member_named(tx, merchant_id, new.member_id, new.external_id)
    checks.reference(new.reference)
    occurred_at = tx.now if new.occurred_at is None else checks.when(tx, "/occurred_at", new.occurred_at)
    ruleset = tx.ruleset(tx.ruleset_hash_at(occurred_at))

    def content(member_id: str) -> str:
        return operations.content_hash(
            asdict(new) | {"kind": BOUGHT, "merchant_id": merchant_id, "member_id": member_id, "external_id": None}
        )

    named = {"merchant_id": merchant_id, "kind": "event", "reference": new.reference}
    first = operations.known_of(tx, account, content, **named)
    if first is not None:
        return Done(first, replayed=True)
    operations.check_active(account)
    check_not_too_late(ruleset, occurred_at, tx.now)
    membership = membership_named(ruleset, new.membership)
    if membership is None:
        raise checks.wrong("/membership", "must be the id of a membership of the rules in force")
    paid = membership.price if new.paid is None else checks.money("/paid", new.paid)
    period = bought(ruleset, membership, periods_of(tx, account).values(), occurred_at, paid)
    event = record_event(
        tx,
        account,
        merchant_id=merchant_id,
        reference=new.reference,
        content=content(account.id),
        event=BOUGHT,
        subject=membership.id,
        occurred_at=occurred_at,
        membership=period,
    )
    stage_period(tx, account, event)
    return Done(event, replayed=False)


def _refund(tx: Transaction, actor: Actor, membership_id: str, new: NewReversal) -> Done:
    event = _own(tx, actor, membership_id)
    account = tx.heir(tx.account(event.member_id))
    if new.points is not None:
        raise checks.wrong("/points", "a membership is refunded whole: leave points out")
    done = take_issue_back(tx, actor, event, issued=event.result["points"], new=new)
    if not done.replayed:
        keep_nothing(tx, account, event, done.operation)
        end_period(tx, account, event.id)
        tiers.review(tx, account)
    return done
