"""Scheduled bonuses at work (docs/rulesets.md "schedules"): for each period one walk through the members, a chunk at a time.

How far it came is written with what the chunk gave, in one transaction that holds the walk's row: any worker goes on where the
last one stopped, and two of them take turns. References name schedule, member and period, so nobody has one twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from token_service.errors import AfterSunset, CallerError, CeilingReached, ProgramPaused
from token_service.ledger import tables
from token_service.ledger.context import Context
from token_service.ledger.due_members import CHUNK
from token_service.ledger.event_awards import member_facts, read_events_ahead
from token_service.ledger.own_events import given_before, recording
from token_service.ledger.schedule_tables import schedule_runs, schedule_waits
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport
from token_service.program.facts import local_time
from token_service.program.ruleset import Ruleset
from token_service.program.schedules import Turn, begins_at, holds_for, next_turn, turns_on
from token_service.program.schema import SCHEDULED

REFERENCE: Final = "schedule"
MORE: Final = "more"
"""A place that says: there is more to do. Where exactly is in the walk's row."""
_runs, _waits, _members = schedule_runs.c, schedule_waits.c, tables.members.c
_NOBODY_CAN: Final = (AfterSunset, CeilingReached, ProgramPaused)
"""Refusals that the next member would get, too."""


def give_scheduled(context: Context, report: DueReport, _place: str) -> tuple[DueReport, str | None]:
    """One chunk of the first period that is not given to everybody yet."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
        turn = next((turn for turn in turns_on(ruleset, _today(tx, ruleset)) if _is_open(tx, ruleset, turn)), None)
        if turn is None:
            return report, None
        run = _locked(tx, turn)
        waiting = _waiting(tx, turn)
        ids = waiting or ([] if run.ended_at is not None else _next(tx, ruleset, turn, run.place))
        given, seen = _give(tx, ruleset, turn, ids)
        _note(tx, turn, ids, seen, waited=bool(waiting))
        tx.flush()
        return replace(report, scheduled=report.scheduled + given), MORE if len(seen) == len(ids) else None

    return write(context, work)


def next_schedule_at(tx: Transaction) -> datetime | None:
    """When the next scheduled bonus is given; in the past while one is not given to everybody yet."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    today = _today(tx, ruleset)
    turns = [turn for turn in turns_on(ruleset, today) if _is_open(tx, ruleset, turn)]
    turns += [turn for one in ruleset.schedules if (turn := next_turn(one, today)) is not None]
    return min((begins_at(ruleset, turn.first_day) for turn in turns), default=None)


def _is_open(tx: Transaction, ruleset: Ruleset, turn: Turn) -> bool:
    """Whether somebody may still be given the period. One that had begun before the rules knew the schedule is nobody's."""
    then = tx.ruleset(tx.ruleset_hash_at(begins_at(ruleset, turn.first_day)))
    if all(one.id != turn.schedule.id for one in then.schedules):
        return False
    query = select(_runs.schedule_id).where(*_of(_runs, turn), _runs.ended_at.is_not(None))
    return tx.connection.execute(query).first() is None or bool(_waiting(tx, turn, most=1))


def _locked(tx: Transaction, turn: Turn) -> Row[Any]:
    """The walk's row, begun if it was not; held until the commit."""
    new = (sqlite.insert if tx.context.store.is_sqlite else postgresql.insert)(schedule_runs)
    begun = new.values(schedule_id=turn.schedule.id, period=turn.period, place="")
    tx.connection.execute(begun.on_conflict_do_nothing())
    return tx.connection.execute(select(schedule_runs).where(*_of(_runs, turn)).with_for_update()).one()


def _next(tx: Transaction, ruleset: Ruleset, turn: Turn, place: str) -> list[str]:
    """The next members behind the place who had joined before the period began."""
    had_joined = _members.created_at < begins_at(ruleset, turn.first_day)
    query = select(_members.id).where(_members.id > place, had_joined, *_counts())
    return list(tx.connection.execute(query.order_by(_members.id).limit(CHUNK)).scalars())


def _waiting(tx: Transaction, turn: Turn, most: int = CHUNK) -> list[str]:
    """Who was frozen when the walk came by and is so no more."""
    query = select(_waits.member_id).join(tables.members, _members.id == _waits.member_id)
    query = query.where(*_of(_waits, turn), _members.frozen.is_(False), *_counts())
    return list(tx.connection.execute(query.order_by(_waits.member_id).limit(most)).scalars())


def _give(tx: Transaction, ruleset: Ruleset, turn: Turn, ids: Sequence[str]) -> tuple[int, list[str]]:
    """(how many were given the period now, who was looked at): all of them, unless something refuses everybody."""
    tx.lock_accounts(ids)
    accounts = [tx.account(one) for one in ids]
    read_events_ahead(tx, accounts, ruleset, SCHEDULED, turn.subject)
    given_to = given_before(tx, dict.fromkeys(ids, turn.period), lambda one, _: _reference(turn, one))
    given, seen = 0, []
    for account in accounts:
        if account.merged_into is not None or account.state == "closed":  # while the lock was waited for
            pass
        elif account.frozen:
            _wait(tx, turn, account.id)
        elif account.id not in given_to and holds_for(turn.schedule, member_facts(tx, account, ruleset, tx.now)):
            done = tx.attempt(recording(tx, account, SCHEDULED, _reference(turn, account.id), turn.subject))
            if isinstance(done, _NOBODY_CAN):
                break
            if isinstance(done, CallerError):
                raise done
            given += 1
        seen.append(account.id)
    return given, seen


def _wait(tx: Transaction, turn: Turn, member_id: str) -> None:
    new = (sqlite.insert if tx.context.store.is_sqlite else postgresql.insert)(schedule_waits)
    row = {"schedule_id": turn.schedule.id, "period": turn.period, "member_id": member_id}
    tx.connection.execute(new.values(row).on_conflict_do_nothing())


def _note(tx: Transaction, turn: Turn, ids: Sequence[str], seen: Sequence[str], *, waited: bool) -> None:
    """Writes how far the walk came. A chunk that is not full was the last one."""
    if waited:
        had = [one for one in seen if not tx.account(one).frozen]
        tx.connection.execute(delete(schedule_waits).where(*_of(_waits, turn), _waits.member_id.in_(had)))
        return
    here = update(schedule_runs).where(*_of(_runs, turn), _runs.ended_at.is_(None))
    if seen:
        tx.connection.execute(here.values(place=seen[-1]))
    if len(seen) == len(ids) < CHUNK:
        tx.connection.execute(here.values(ended_at=tx.now))


def _of(columns: Any, turn: Turn) -> tuple[Any, ...]:
    return columns.schedule_id == turn.schedule.id, columns.period == turn.period


def _counts() -> tuple[Any, ...]:
    """Members who are looked at at all."""
    return _members.merged_into.is_(None), _members.state != "closed"


def _reference(turn: Turn, member_id: str) -> str:
    return f"{REFERENCE}/{turn.schedule.id}/{member_id}/{turn.period}"


def _today(tx: Transaction, ruleset: Ruleset) -> date:
    return date.fromisoformat(local_time(tx.now, ruleset.program.time_zone).date)
