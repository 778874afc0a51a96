"""Events that the programme records itself: somebody joined, somebody has their birthday (docs/rulesets.md "Events").

Their references name the member, and the year: each is recorded once, whatever runs when. The programme issues for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from token_service.errors import CallerError
from token_service.ledger import challenges, operations, tables
from token_service.ledger.accounts import Account
from token_service.ledger.context import Context
from token_service.ledger.due_members import next_members
from token_service.ledger.event_awards import record_own
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport
from token_service.program.birthdays import LATE_DAYS, last_birthday, next_birthday
from token_service.program.events import BIRTHDAY, JOINED, rules_for
from token_service.program.facts import local_time
from token_service.program.ruleset import Ruleset

_members = tables.members.c


def welcome(tx: Transaction, member_ids: Sequence[str]) -> None:
    """Records that these new members joined, where the rules give something for it. A member whose points cannot be issued now (a
    pause, a ceiling, the programme's end) is enrolled without.
    """
    if not member_ids or not rules_for(tx.ruleset(tx.ruleset_hash_at(tx.now)), JOINED):
        return
    tx.lock_accounts(member_ids)
    for member_id in member_ids:
        account = tx.account(member_id)
        tx.attempt(_recording(tx, account, JOINED, f"{JOINED}/{member_id}"))
    tx.flush()


def first_look(tx: Transaction, birth_date: date | None) -> date | None:
    """The local date on which a new member's birthday is looked at first: today, if it is today."""
    if birth_date is None:
        return None
    return next_birthday(birth_date, _today(tx.now, tx.ruleset(tx.ruleset_hash_at(tx.now))) - timedelta(days=1))


def celebrate(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """One chunk of members behind `place` whose birthday has come: each has one event a year."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
        if not rules_for(ruleset, BIRTHDAY):
            return report, None
        today = _today(tx.now, ruleset)
        ids = next_members(
            tx,
            select(_members.id).where(_members.birthday_due_on <= today, _members.state != "closed"),
            _members.id,
            place,
        )
        done = sum(_look(tx, member_id, today, ruleset) for member_id in ids)
        tx.flush()
        return replace(report, birthdays=report.birthdays + done), ids[-1] if ids else None

    return write(context, work)


def next_celebration_at(tx: Transaction) -> datetime | None:
    """When the next birthday is looked at; None without a rule for birthdays."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    if not rules_for(ruleset, BIRTHDAY):
        return None
    query = select(_members.birthday_due_on).where(_members.birthday_due_on.is_not(None), _members.frozen.is_(False))
    query = query.where(_members.state != "closed")
    day = tx.connection.execute(query.order_by(_members.birthday_due_on).limit(1)).scalar_one_or_none()
    zone = ZoneInfo(ruleset.program.time_zone)
    return None if day is None else datetime.combine(day, time.min, zone).astimezone(UTC)


def _look(tx: Transaction, member_id: str, today: date, ruleset: Ruleset) -> bool:
    """Whether the member's birthday was recorded now; and when to look again. One that is refused now is tried again by the next
    run.
    """
    query = select(_members.birth_date, _members.created_at).where(_members.id == member_id)
    row = tx.connection.execute(query).one()
    if row.birth_date is None:
        _look_again(tx, member_id, None)
        return False
    day, joined_on = last_birthday(row.birth_date, today), _today(row.created_at, ruleset)
    reference = f"{BIRTHDAY}/{member_id}/{day.year}"
    is_new = not _was_given(tx, member_id, day.year)
    recorded = False
    if is_new and day >= joined_on and (today - day).days <= LATE_DAYS:
        done = tx.attempt(_recording(tx, tx.account(member_id), BIRTHDAY, reference))
        if isinstance(done, CallerError):
            return False
        recorded = True
    _look_again(tx, member_id, next_birthday(row.birth_date, today))
    return recorded


def _was_given(tx: Transaction, member_id: str, year: int) -> bool:
    """Whether the member, or an account that became part of theirs, had their birthday of that year."""
    parts = tx.connection.execute(select(_members.id).where(_members.merged_into == member_id)).scalars()
    own = tx.own_merchant.id
    return any(operations.exists(tx, own, "event", f"{BIRTHDAY}/{one}/{year}") for one in (member_id, *parts))


def _look_again(tx: Transaction, member_id: str, day: date | None) -> None:
    tx.connection.execute(update(tables.members).where(_members.id == member_id).values(birthday_due_on=day))


def _recording(tx: Transaction, account: Account, event: str, reference: str) -> Callable[[], object]:
    def work() -> object:
        operation = record_own(tx, account, event, reference)
        challenges.after_event(tx, account, operation)
        return operation

    return work


def _today(at: datetime, ruleset: Ruleset) -> date:
    return date.fromisoformat(local_time(at, ruleset.program.time_zone).date)
