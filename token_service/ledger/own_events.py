"""Events that the programme records itself: somebody joined, has their birthday, joined so many years ago (docs/rulesets.md
"Events").

Their references name the member, and the year: each is recorded once, whatever runs when. The programme issues for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Column, bindparam, select, update

from token_service.errors import CallerError
from token_service.ledger import challenges, contacts, operations, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.context import Context
from token_service.ledger.due_members import next_by_date
from token_service.ledger.event_awards import read_events_ahead, record_own
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport
from token_service.program.birthdays import LATE_DAYS, last_birthday, next_birthday
from token_service.program.events import ANNIVERSARY, BIRTHDAY, JOINED, rules_for
from token_service.program.facts import local_time
from token_service.program.ruleset import Ruleset

_members = tables.members.c
_LOOKED_AT: Final = select(_members.id, _members.birth_date, _members.created_at).where(among(_members.id, "ids"))
_PARTS: Final = select(_members.id, _members.merged_into).where(among(_members.merged_into, "ids"))


@dataclass(frozen=True, slots=True)
class _Yearly:
    """An event that each member has once a year: on the day of which year `began_on` tells, first `years` later. `due_on` is when
    to look next.
    """

    event: str
    due_on: Column[Any]
    began_on: Callable[[Any, Ruleset], date | None]
    counted: str  # the report's field
    years: int


_BIRTHDAY: Final = _Yearly(BIRTHDAY, _members.birthday_due_on, lambda row, _: row.birth_date, "birthdays", 0)
_ANNIVERSARY: Final = _Yearly(
    ANNIVERSARY, _members.anniversary_due_on, lambda row, rules: _today(row.created_at, rules), "anniversaries", 1
)


def welcome(tx: Transaction, member_ids: Sequence[str]) -> None:
    """Records that these new members joined, where the rules give something for it. A member whose points cannot be issued now (a
    pause, a ceiling, the programme's end) is enrolled without. Where all that the rules give is once for each person, who is not
    known yet is welcomed when somebody says who they are.
    """
    rules = rules_for(tx.ruleset(tx.ruleset_hash_at(tx.now)), JOINED)
    if not member_ids or not rules:
        return
    unknown = contacts.unknown_among(tx, member_ids) if all(one.once_per == "person" for one in rules) else set()
    contacts.let_wait(tx, unknown)
    tx.lock_accounts(member_ids)
    for member_id in (one for one in member_ids if one not in unknown):
        account = tx.account(member_id)
        tx.attempt(recording(tx, account, JOINED, f"{JOINED}/{member_id}"))
    tx.flush()


def first_looks(tx: Transaction, birth_date: date | None, enrolled_at: datetime) -> dict[str, date | None]:
    """The local dates on which a new member's birthday and anniversary are looked at first: a birthday today, if it is today;
    an anniversary today, of who was enrolled elsewhere before.
    """
    rules = tx.ruleset(tx.ruleset_hash_at(tx.now))
    today, enrolled_on = _today(tx.now, rules), _today(enrolled_at, rules)
    anniversary = next_birthday(enrolled_on, max(today - timedelta(days=1), enrolled_on))
    return first_birthday(tx, birth_date) | {_ANNIVERSARY.due_on.name: anniversary}


def first_birthday(tx: Transaction, birth_date: date | None) -> dict[str, date | None]:
    """The local date on which the birthday of a birth date that is told now is looked at first: today, if it is today. One before
    is not caught up with.
    """
    today = _today(tx.now, tx.ruleset(tx.ruleset_hash_at(tx.now)))
    birthday = None if birth_date is None else next_birthday(birth_date, today - timedelta(days=1))
    return {_BIRTHDAY.due_on.name: birthday}


def celebrate(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """One chunk of members behind `place` whose birthday has come: each has one event a year."""
    return _each_year(context, report, place, _BIRTHDAY)


def remember(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """One chunk of members behind `place` who joined a whole number of years ago: each has one event a year."""
    return _each_year(context, report, place, _ANNIVERSARY)


def next_celebration_at(tx: Transaction) -> datetime | None:
    """When the next birthday or anniversary is looked at; None without a rule for them."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    days = [_next_day(tx, one) for one in (_BIRTHDAY, _ANNIVERSARY) if rules_for(ruleset, one.event)]
    day = min((day for day in days if day is not None), default=None)
    zone = ZoneInfo(ruleset.program.time_zone)
    return None if day is None else datetime.combine(day, time.min, zone).astimezone(UTC)


def _next_day(tx: Transaction, yearly: _Yearly) -> date | None:
    query = select(yearly.due_on).where(yearly.due_on.is_not(None), _members.frozen.is_(False))
    query = query.where(_members.state != "closed").order_by(yearly.due_on).limit(1)
    found: date | None = tx.connection.execute(query).scalar_one_or_none()
    return found


def _each_year(context: Context, report: DueReport, place: str, yearly: _Yearly) -> tuple[DueReport, str | None]:
    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
        if not rules_for(ruleset, yearly.event):
            return report, None
        today = _today(tx.now, ruleset)
        ids, behind = next_by_date(tx, yearly.due_on, today, place, _members.state != "closed")
        done = _look(tx, yearly, ids, today, ruleset)
        tx.flush()
        report_ = replace(report, **{yearly.counted: getattr(report, yearly.counted) + done})
        return report_, behind

    return write(context, work)


def _look(tx: Transaction, yearly: _Yearly, ids: Sequence[str], today: date, ruleset: Ruleset) -> int:
    """How many of these locked members had the event recorded now; and when to look at each again. One that is refused now is
    tried again by the next run.
    """
    if not ids:
        return 0
    began = {row.id: (yearly.began_on(row, ruleset), row) for row in tx.connection.execute(_LOOKED_AT, {"ids": ids})}
    days = {one: last_birthday(day, today) for one, (day, _) in began.items() if day is not None}
    year_of = {one: day.year for one, day in days.items()}
    given = given_before(tx, year_of, lambda one, year: f"{yearly.event}/{one}/{year}")
    read_events_ahead(tx, [tx.account(one) for one in ids], ruleset, yearly.event)
    recorded = 0
    again: dict[str, date | None] = {}
    for one in ids:
        first, row = began[one]
        if first is None:
            again[one] = None
            continue
        since = max(_today(row.created_at, ruleset), first)
        is_due = days[one] >= since and year_of[one] >= first.year + yearly.years
        if is_due and one not in given and (today - days[one]).days <= LATE_DAYS:
            reference = f"{yearly.event}/{one}/{year_of[one]}"
            if isinstance(tx.attempt(recording(tx, tx.account(one), yearly.event, reference)), CallerError):
                continue
            recorded += 1
        again[one] = next_birthday(first, today)
    _look_again(tx, yearly, again)
    return recorded


def given_before(tx: Transaction, what: dict[str, Any], named: Callable[[str, Any], str]) -> set[str]:
    """Those of these members who, or an account that became part of theirs, had their own event of that reference."""
    owners = {one: one for one in what}
    owners |= {row.id: row.merged_into for row in tx.connection.execute(_PARTS, {"ids": list(what)})}
    references = {named(one, what[owner]): owner for one, owner in owners.items()}
    used = operations.look_up_references(tx, tx.own_merchant.id, "event", list(references))
    return {references[reference] for reference in used}


def recording(
    tx: Transaction, account: Account, event: str, reference: str, subject: str | None = None
) -> Callable[[], object]:
    """The work of recording an event of the programme's own, with what it counts for in challenges."""

    def work() -> object:
        operation = record_own(tx, account, event, reference, subject=subject)
        challenges.after_event(tx, account, operation)
        return operation

    return work


def _look_again(tx: Transaction, yearly: _Yearly, again: dict[str, date | None]) -> None:
    """One statement for each date: most members of a chunk have the same one."""
    for day in set(again.values()):
        here = update(tables.members).where(among(_members.id, "ids")).values({yearly.due_on: bindparam("day")})
        tx.connection.execute(here, {"ids": [one for one, at in again.items() if at == day], "day": day})


def _today(at: datetime, ruleset: Ruleset) -> date:
    return date.fromisoformat(local_time(at, ruleset.program.time_zone).date)
