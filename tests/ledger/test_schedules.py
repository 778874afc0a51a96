"""Bonuses that come every week, month, quarter or year, and the day on which a member joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, TIERS, Make, Town, accept_by_chain, rules
from sqlalchemy import event, func, select, update

from token_service.errors import CallerError, CeilingReached
from token_service.ledger import schedules, tables
from token_service.ledger.closing import close_member
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol_batch, freeze, unfreeze
from token_service.ledger.merging import merge_members
from token_service.ledger.rebuild import rebuild
from token_service.ledger.rulesets import draft, publish
from token_service.ledger.schedule_tables import schedule_runs
from token_service.ledger.views import DueReport

MONTHLY = '[{id: regular, every: month, points: 50, when: member.tier == "gold", name: {fr: Mensuel, en: Monthly}}]'
RULES = rules(tiers=TIERS, schedules=MONTHLY)
EACH_WEEK = rules(schedules="[{id: hello, every: week, points: 5}]")
YEARS = rules().replace(
    "[{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]",
    "[{id: base, kind: spend, points: 1, per: 100}, {id: year, kind: event, event: member.anniversary, points: 70}]",
)
APRIL = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
"""In Paris, 1 April."""


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def golden(town: Town) -> str:
    member = town.member()
    town.buy(member, 6_000)
    return member


def test_a_full_backlog_leaves_a_bonus_to_the_next_run_and_stops_nothing_else(make: Make) -> None:
    town = make(EACH_WEEK)
    member = town.member()
    town.buy(member, 1_000)  # waits for settlement
    roomy, town.context = town.context, replace(town.context, backlog_limit=0)
    assert to(town, town.clock.at + 8 * DAY) == 0
    assert points(town, member) == 10
    town.context = roomy
    assert run_due(town.context).scheduled == 1
    assert points(town, member) == 15


def test_a_ceiling_that_is_gone_at_the_commit_stops_nothing_else(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    town = make(EACH_WEEK)
    member = town.member()

    def gone(tx: object) -> None:
        raise CeilingReached("others were faster")

    monkeypatch.setattr("token_service.ledger.ceilings.write_charges", gone)
    assert to(town, town.clock.at + 8 * DAY) == 0
    monkeypatch.undo()
    assert run_due(town.context).scheduled == 1
    assert points(town, member) == 5


def test_who_was_merged_or_closed_while_the_walk_waited_for_the_lock_has_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = make(EACH_WEEK)
    kept, gone, closed = (town.member() for _ in range(3))
    merge_members(town.context, ADMIN, gone, kept, "one person")
    close_member(town.context, ADMIN, closed, "moved away")
    monkeypatch.setattr(schedules, "_counts", tuple)  # as the walk had read them before
    assert to(town, town.clock.at + 8 * DAY) == 1
    assert (points(town, kept), points(town, closed)) == (5, 0)
    town.check()


def test_who_is_frozen_again_while_the_walk_waits_goes_on_waiting(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    town = make(EACH_WEEK)
    member = town.member()
    freeze(town.context, ADMIN, member, "looked at")
    assert to(town, town.clock.at + 8 * DAY) == 0
    monkeypatch.setattr(schedules, "_waiting", lambda *_, **__: [member])  # as it was read before the lock
    schedules.give_scheduled(town.context, DueReport(), "")
    monkeypatch.undo()
    unfreeze(town.context, ADMIN, member, "nothing found")
    assert run_due(town.context).scheduled == 1


def points(town: Town, member_id: str) -> int:
    return town.balance(member_id).available


def to(town: Town, at: datetime) -> int:
    """What is given when that moment has come."""
    town.clock.at = at
    return run_due(town.context).scheduled


def many(town: Town, count: int) -> list[str]:
    made = enrol_batch(town.context, town.alice, [NewMember(town.reference()) for _ in range(count)])
    return [one.member.id for one in made if not isinstance(one, CallerError)]


def given(town: Town) -> int:
    events = tables.operations.c
    with town.context.store.read() as connection:
        query = select(func.count()).where(events.kind == "event", events.reference.like("schedule/%"))
        return int(connection.execute(query).scalar_one())


def test_on_the_first_local_day_each_member_on_whom_the_condition_holds_has_it_once(town: Town) -> None:
    """ "Scheduled work … is set-based, resumable, exactly once per member and period, runs from any worker" """
    gold, bronze = golden(town), town.member()
    assert run_due(town.context).is_idle, "nobody had joined before 1 March"
    assert next_due_at(town.context) == APRIL
    assert to(town, APRIL - timedelta(seconds=1)) == 0
    assert to(town, APRIL) == 1
    assert (points(town, gold), points(town, bronze)) == (110, 0)
    assert run_due(town.context).is_idle
    assert to(town, APRIL + 20 * DAY) == 0
    assert to(town, datetime(2026, 5, 1, 8, tzinfo=UTC)) == 1
    assert points(town, gold) == 160
    entry = town.statement(gold)[-1]
    assert (entry.merchant_name, entry.facts["subject"]) == ("Les Halles", "regular/2026-05")
    assert entry.facts["breakdown"] == [{"rule": "regular", "points": 50, "why": "50 points for 2026-05"}]
    town.check()


def test_who_becomes_gold_later_in_the_month_waits_for_the_next_one(town: Town) -> None:
    member = town.member()
    assert to(town, APRIL) == 0
    town.buy(member, 6_000)
    assert to(town, APRIL + DAY) == 0
    assert to(town, APRIL + 31 * DAY) == 1


@pytest.mark.parametrize(("late", "expected"), [(7 * DAY, 1), (8 * DAY, 0)])
def test_a_week_of_standing_still_loses_nothing(town: Town, late: timedelta, expected: int) -> None:
    golden(town)
    assert to(town, APRIL + late) == expected


def test_who_joins_when_the_period_has_begun_waits_for_the_next_one(make: Make) -> None:
    town = make(EACH_WEEK)
    town.member()
    assert to(town, datetime(2026, 3, 2, 20, tzinfo=UTC)) == 0, "a Monday; they joined that day"
    assert to(town, datetime(2026, 3, 8, 23, tzinfo=UTC)) == 1
    late = town.member()
    assert to(town, datetime(2026, 3, 9, 20, tzinfo=UTC)) == 0
    assert points(town, late) == 0


def test_a_period_lies_within_the_dates_if_its_first_day_does(make: Make) -> None:
    town = make(rules(schedules="[{id: spring, every: month, points: 5, from: 2026-04-02, until: 2026-06-01}]"))
    member = town.member()
    assert next_due_at(town.context) == datetime(2026, 4, 30, 22, tzinfo=UTC)
    for _ in range(5):
        to(town, town.clock.at + 31 * DAY)
    assert points(town, member) == 10
    assert next_due_at(town.context) is None


def test_a_budget_and_the_limits_of_a_day_hold(make: Make) -> None:
    town = make(
        rules(
            schedules="[{id: gift, every: year, points: 30, limits: {budget_points: 50}}]",
            limits="{per_member_day_points: 25}",
        )
    )
    members = many(town, 3)
    assert to(town, datetime(2027, 1, 1, 9, tzinfo=UTC)) == 3
    assert sorted(points(town, one) for one in members) == [0, 20, 25]
    town.check()


def test_a_ceiling_stops_the_walk_and_it_goes_on_there(make: Make) -> None:
    town = make(EACH_WEEK)
    members = many(town, 4)
    own = update(tables.merchants).where(tables.merchants.c.party == 1)
    with town.context.store.write() as connection:
        connection.execute(own.values(ceiling_points=12))
    monday = datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert to(town, monday) == 2
    assert run_due(town.context).is_idle
    with town.context.store.write() as connection:
        connection.execute(own.values(ceiling_points=1_000))
    assert run_due(town.context).scheduled == 2
    assert {points(town, one) for one in members} == {5}


def test_who_is_frozen_has_it_when_they_are_unfrozen_within_the_week(make: Make) -> None:
    town = make(EACH_WEEK)
    member, other = many(town, 2)
    freeze(town.context, ADMIN, member, "under investigation")
    monday = datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert to(town, monday) == 1
    assert run_due(town.context).is_idle
    unfreeze(town.context, ADMIN, member, "cleared")
    next_at = next_due_at(town.context)
    assert next_at is not None
    assert next_at < town.clock.at
    assert run_due(town.context).scheduled == 1
    assert run_due(town.context).is_idle
    assert (points(town, member), points(town, other)) == (5, 5)


def test_who_closed_their_account_has_nothing(make: Make) -> None:
    town = make(EACH_WEEK)
    member, _ = many(town, 2)
    close_member(town.context, ADMIN, member, "asked for it")
    assert to(town, datetime(2026, 3, 9, 8, tzinfo=UTC)) == 1


def test_two_accounts_that_became_one_have_it_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "CHUNK", 1)
    town = make(EACH_WEEK)
    first, second = many(town, 2)
    town.clock.at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert run_due(town.context, limit=1).scheduled == 1
    merge_members(town.context, ADMIN, first, second, "the same person")
    assert run_due(town.context).scheduled == 0
    assert points(town, second) == 5


def test_a_schedule_that_comes_into_force_later_begins_with_the_next_period(make: Make) -> None:
    town = make(rules())
    town.member()
    town.clock.at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    drafted = draft(town.context, ADMIN, rules(schedules="[{id: other, every: week, points: 1}]"))
    publish(town.context, ADMIN, drafted.hash, town.clock.at + DAY)
    accept_by_chain(town, drafted.hash)
    assert to(town, town.clock.at + DAY) == 0
    assert to(town, town.clock.at + 6 * DAY) == 1


class Killed(BaseException):
    """The process is gone, in the middle of something."""


def test_a_campaign_runs_once_per_period_per_member_and_resumes_after_a_crash_without_duplicates(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "A scheduled campaign runs once per period per member, resumes after a crash without duplicates" """
    monkeypatch.setattr(schedules, "CHUNK", 3)
    town = make(EACH_WEEK)
    members = many(town, 10)
    town.clock.at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    chunks, note = 0, schedules._note

    def dying(*arguments: Any, **more: Any) -> None:
        nonlocal chunks
        chunks += 1
        note(*arguments, **more)
        if chunks in (2, 4):
            raise Killed

    monkeypatch.setattr(schedules, "_note", dying)
    for done in (3, 6):
        with pytest.raises(Killed):
            run_due(town.context)
        assert given(town) == done, "of the chunk that was being given nothing is"
    assert run_due(town.context).scheduled == 4
    assert {points(town, one) for one in members} == {5}
    assert given(town) == 10
    town.check()


def test_two_workers_at_once_give_each_member_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "CHUNK", 4)
    town = make(EACH_WEEK)
    members = many(town, 30)
    town.clock.at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    with ThreadPoolExecutor(3) as workers:
        reports = list(workers.map(lambda _: run_due(town.context), range(3)))
    assert sum(one.scheduled for one in reports) == 30
    assert {points(town, one) for one in members} == {5}
    assert given(town) == 30
    with town.context.store.read() as connection:
        assert connection.execute(select(schedule_runs.c.ended_at)).scalar_one() is not None
    town.check()


def test_after_a_rebuild_nothing_is_given_again_not_even_from_the_beginning(town: Town) -> None:
    member = golden(town)
    to(town, APRIL)
    rebuild(town.context)
    assert run_due(town.context).is_idle
    with town.context.store.write() as connection:
        connection.execute(schedule_runs.delete())
    assert run_due(town.context).scheduled == 0
    assert points(town, member) == 110
    town.check()


@contextmanager
def statements(town: Town) -> Iterator[Callable[[], int]]:
    """Counts what goes to the database."""
    seen: list[object] = []
    store = town.context.store

    def note(*given: object) -> None:
        seen.append(given[2])

    event.listen(store.engine, "before_cursor_execute", note)
    yield lambda: len(seen)
    event.remove(store.engine, "before_cursor_execute", note)


def birthday_rules() -> str:
    challenge = "[{id: years, count: {kind: events, event: member.birthday}, target: 2, award: {badge: true}}]"
    return rules(challenges=challenge, tiers=TIERS).replace(
        "[{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]",
        "[{id: base, kind: spend, points: 1, per: 100}, "
        "{id: cake, kind: event, event: member.birthday, points: 4, limits: {per_member: {times: 9}}}]",
    )


@pytest.mark.parametrize("document", [EACH_WEEK, birthday_rules()])
def test_a_chunk_of_many_asks_as_much_as_one_of_few(make: Make, document: str) -> None:
    """Set-based: what is asked does not grow with the members."""
    town = make(document)
    counts = []
    for week, size in enumerate((3, 40)):
        born = date(1990, 3, 9) + timedelta(days=7 * week)
        news = [NewMember(town.reference(), birth_date=born) for _ in range(size)]
        enrol_batch(town.context, town.alice, news)
        town.clock.at = datetime(2026, 3, 9, 8, tzinfo=UTC) + 7 * week * DAY
        with statements(town) as count:
            report = run_due(town.context)
            counts.append(count())
        assert report.scheduled + report.birthdays in (size, 3 + size)
    assert counts[1] <= counts[0] + 3


def test_a_member_has_an_anniversary_each_year_since_they_joined(make: Make) -> None:
    """ "welcome, birthday, anniversary" """
    town = make(YEARS)
    member = town.member()
    assert next_due_at(town.context) == datetime(2027, 3, 1, 23, tzinfo=UTC)
    assert town.pass_time(364 * DAY).anniversaries == 0
    assert town.pass_time(DAY).anniversaries == 1
    assert run_due(town.context).anniversaries == 0
    assert town.pass_time(366 * DAY).anniversaries == 1
    assert points(town, member) == 140
    assert [one.facts["event"] for one in town.statement(member)] == ["member.anniversary"] * 2
    town.check()


def test_who_joined_on_29_february_has_it_on_the_28th_in_other_years(make: Make) -> None:
    town = make(YEARS)
    town.clock.at = datetime(2028, 2, 29, 12, tzinfo=UTC)
    town.member()
    for month, day, expected in ((2, 27, 0), (2, 28, 1), (3, 1, 0)):
        town.clock.at = datetime(2029, month, day, 12, tzinfo=UTC)
        assert run_due(town.context).anniversaries == expected
    town.clock.at = datetime(2032, 2, 28, 12, tzinfo=UTC)
    assert run_due(town.context).anniversaries == 0
    assert town.pass_time(DAY).anniversaries == 1


def test_an_anniversary_is_at_most_a_week_late_and_never_on_the_day_itself(make: Make) -> None:
    town = make(YEARS)
    town.member()
    assert run_due(town.context).anniversaries == 0
    assert town.pass_time(373 * DAY).anniversaries == 0
    assert town.pass_time(357 * DAY + 8 * DAY).anniversaries == 1


def test_members_from_before_the_rule_are_looked_at_and_nobody_twice(make: Make) -> None:
    town = make(YEARS)
    many(town, 5)
    town.pass_time(365 * DAY)
    with town.context.store.write() as connection:
        connection.execute(update(tables.members).values(anniversary_due_on=date(1970, 1, 1)))
    assert run_due(town.context).anniversaries == 0
    with town.context.store.read() as connection:
        assert set(connection.execute(select(tables.members.c.anniversary_due_on)).scalars()) == {date(2028, 3, 2)}
