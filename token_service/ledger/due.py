"""Everything that falls due: awards whose return window has ended, lots whose date has come, tiers to look at again,
birthdays, anniversaries, scheduled bonuses, holds, invitations, vouchers, notices (DESIGN §3).

Done in chunks, each one transaction over members locked in one order, so a run can stop anywhere and go on later;
what is done is done exactly once, because the rows that made it due are gone with it. Nothing is done for frozen
members until they are unfrozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import select

from token_service.errors import AfterSunset, BacklogFull, CallerError, CeilingReached, ProgramPaused, ReferencesUnknown
from token_service.ledger import tables, tiers, unknown_references
from token_service.ledger.accounts import Account
from token_service.ledger.awards import award_points
from token_service.ledger.context import Context
from token_service.ledger.deliveries import lapse
from token_service.ledger.due_members import CHUNK, next_by_date, next_members
from token_service.ledger.holds import next_lapse_at, release_lapsed
from token_service.ledger.notice_looks import next_look_at, tell_ahead
from token_service.ledger.operations import loaded, parts_of
from token_service.ledger.own_events import celebrate, next_celebration_at, remember
from token_service.ledger.own_wallets import whose_points_may_expire
from token_service.ledger.posting import sweep_expired
from token_service.ledger.purchase_facts import read_histories
from token_service.ledger.referrals import next_referral_at, pay_due
from token_service.ledger.refusals import forget_old, next_forgetting_at
from token_service.ledger.schedules import give_scheduled, next_schedule_at
from token_service.ledger.stored_lots import IS_FREE, IS_OPEN, consumption_time, read_open
from token_service.ledger.stuck_awards import stuck_awards
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.views import DueReport
from token_service.ledger.voucher_ends import end_vouchers, next_end_at
from token_service.program.windows import lapses

Step = Callable[[Context, DueReport, str], tuple[DueReport, str | None]]
"""One chunk of one kind of work behind a place: what was done so far, and the next place (None: no more)."""


@dataclass(frozen=True, slots=True)
class DueRun:
    """How far a run has come: what it did, and behind which place of which step it goes on."""

    report: DueReport = field(default_factory=DueReport)
    step: int = 0
    place: str = ""

    @property
    def is_over(self) -> bool:
        return self.step == len(_STEPS)


def run_due(context: Context, limit: int | None = None) -> DueReport:
    """Does what is due now and tells what it did. With `limit`, stops after about that many items; `remaining` then
    says so. Awards that wait for a higher ceiling are told, and wait. Nothing is done while the chain is ahead of a ledger that
    was restored: it may have been done already.
    """
    run = DueRun()
    if _is_behind(context):
        return run.report
    while not run.is_over:
        if limit is not None and _count(run.report) >= limit:
            return replace(run.report, remaining=True)
        run = _next(context, run)
    return replace(run.report, stuck=stuck_awards(context))


def go_on(context: Context, run: DueRun, chunks: int) -> DueRun:
    """The run so many chunks later, or over. What is looked at counts, whether or not there is something to do with it."""
    if _is_behind(context):
        return replace(run, step=len(_STEPS))
    for _ in range(chunks):
        if run.is_over:
            break
        run = _next(context, run)
    return run


def next_due_at(context: Context) -> datetime | None:
    """The earliest instant at which something falls due (perhaps in the past); None when nothing waits. What a frozen
    member waits for does not count.
    """

    def work(tx: Transaction) -> datetime | None:
        lots, awards, members = tables.lots.c, tables.awards.c, tables.members.c
        by_member = tables.members.c.frozen.is_(False)
        queries = (
            select(awards.due_at).join(tables.members, members.id == awards.member_id).order_by(awards.due_at),
            select(members.tier_due_at)
            .where(members.tier_due_at.is_not(None), members.merged_into.is_(None))
            .order_by(members.tier_due_at),
            select(lots.expires_at)
            .join(tables.members, members.id == lots.member_id)
            .where(IS_OPEN, IS_FREE, lots.expires_at.is_not(None), whose_points_may_expire(tx.now))
            .order_by(lots.expires_at),
        )
        found = [tx.connection.execute(query.where(by_member).limit(1)).scalar_one_or_none() for query in queries]
        found[-1] = _not_before_the_end(tx, found[-1])
        found += [next_celebration_at(tx), next_lapse_at(tx), next_referral_at(tx), next_schedule_at(tx)]
        found += [next_end_at(tx), next_look_at(tx), next_forgetting_at(tx)]
        return min((at for at in found if at is not None), default=None)

    return read(context, work)


def _not_before_the_end(tx: Transaction, expires_at: datetime | None) -> datetime | None:
    """When a lot of that date is swept: from its announcement until the programme's end, nothing expires (CONTRACT §1)."""
    sunset_at = tx.program.sunset_at
    return expires_at if expires_at is None or sunset_at is None else max(expires_at, sunset_at)


def _mature(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """Issues awards whose window has ended, in the order of their purchases; those of which no delivery came lapse."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        awards, members = tables.awards.c, tables.members.c
        query = select(awards.operation_id, awards.member_id).join(tables.members, members.id == awards.member_id)
        query = query.where(awards.due_at <= tx.now, members.frozen.is_(False), awards.operation_id > place)
        rows = tx.connection.execute(query.order_by(awards.operation_id).limit(CHUNK)).all()
        if not rows:
            return report, None
        tx.lock_accounts(row.member_id for row in rows)
        return _issue_awards(tx, report, [row.operation_id for row in rows]), rows[-1].operation_id

    return _again_if_refused(context, work)


def _issue_awards(tx: Transaction, report: DueReport, operation_ids: list[str]) -> DueReport:
    """Issues what still waits now that the members are locked. One whose merchant's ceiling is reached waits for the
    next run.
    """
    awards = tables.awards.c
    query = select(awards.operation_id, awards.points, awards.delivery_by).where(awards.operation_id.in_(operation_ids))
    waiting = tx.connection.execute(query.order_by(awards.due_at, awards.operation_id)).all()
    found = loaded(tx, operation_ids)
    matured, lapsed, paid = 0, 0, 0
    for award in waiting:
        operation = found[award.operation_id]
        account = tx.account(operation.member_id)
        if account.frozen:
            continue
        if award.delivery_by is not None and lapses(tx.ruleset(operation.ruleset_hash)):
            lapse(tx, account, operation, award.points)
            lapsed += 1
            continue
        operation.parts = parts_of(tx, operation)
        debt = account.debt
        answer = tx.attempt(lambda: award_points(tx, account, operation, award.points))  # noqa: B023
        if isinstance(answer, CeilingReached | AfterSunset | ProgramPaused):
            continue
        if isinstance(answer, CallerError):
            raise answer
        account = tx.account(operation.member_id)
        account.pending -= award.points
        tx.staged.changed_awards.append((operation.id, 0))
        matured, paid = matured + 1, paid + (account.debt < debt)
    return replace(
        report,
        awards_matured=report.awards_matured + matured,
        awards_lapsed=report.awards_lapsed + lapsed,
        debts_paid=report.debts_paid + paid,
    )


def _expire(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """Posts the expiry of lots whose date has come, member by member."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        lots = tables.lots.c
        query = select(lots.member_id).join(tables.members, tables.members.c.id == lots.member_id)
        query = query.where(IS_OPEN, IS_FREE, lots.expires_at <= consumption_time(tx), whose_points_may_expire(tx.now))
        ids = next_members(tx, query.distinct(), lots.member_id, place)
        accounts = [account for member_id in ids if not (account := tx.account(member_id)).frozen]
        read_open(tx, accounts)
        entries = [entry for account in accounts for entry in sweep_expired(tx, account)]
        expired = replace(
            report,
            lots_expired=report.lots_expired + sum(use.points < 0 for use in tx.staged.lot_uses),
            points_expired=report.points_expired - sum(entry.points for entry in entries),
        )
        return expired, ids[-1] if ids else None

    return write(context, work)


def _review(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """Looks at tiers that may have gone down."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        members = tables.members.c
        ids, behind = next_by_date(tx, members.tier_due_at, tx.now, place, members.merged_into.is_(None))
        accounts = [tx.account(member_id) for member_id in ids]
        read_histories(tx, accounts)
        changed = sum(tiers.review(tx, account, is_only_more=_has_same_rules(tx, account)) for account in accounts)
        return replace(report, tiers_changed=report.tiers_changed + changed), behind

    return write(context, work)


def _has_same_rules(tx: Transaction, account: Account) -> bool:
    """Whether the last look at the member's level was under the rules of now: it set no later date than the next rules'."""
    return account.tier_due_at is not None and tx.rules_since < account.tier_due_at


def _again_if_refused(
    context: Context, work: Callable[[Transaction], tuple[DueReport, str | None]]
) -> tuple[DueReport, str | None]:
    """The chunk; when another transaction took a ceiling's room meanwhile, once more with what is left of it now."""
    try:
        return write(context, work)
    except CeilingReached:
        return write(context, work)


def _is_behind(context: Context) -> bool:
    with context.store.read() as connection:
        return unknown_references.is_behind(connection)


_STEPS: Final[tuple[Step, ...]] = (
    release_lapsed,
    _mature,
    _expire,
    _review,
    celebrate,
    remember,
    give_scheduled,
    pay_due,
    end_vouchers,
    tell_ahead,
    forget_old,
)


def _next(context: Context, run: DueRun) -> DueRun:
    """One chunk further. A step in which everybody would be refused is left to the next run: the worker must go on settling, or
    what waits would never be less.
    """
    try:
        report, place = _STEPS[run.step](context, run.report, run.place)
    except (BacklogFull, CeilingReached, ReferencesUnknown):
        report, place = run.report, None
    return DueRun(report, run.step + 1) if place is None else DueRun(report, run.step, place)


def _count(report: DueReport) -> int:
    done = (
        report.awards_matured,
        report.awards_lapsed,
        report.lots_expired,
        report.tiers_changed,
        report.birthdays,
        report.holds_released,
    )
    return (
        sum(done)
        + report.referrals_paid
        + report.anniversaries
        + report.scheduled
        + report.vouchers_expired
        + report.notices_told
    )
