"""Events that the programme records itself: a welcome once a person, a birthday once a year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import select, update

from token_service.ledger import tables
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.due_members import CHUNK
from token_service.ledger.inputs import MemberChange, NewMember
from token_service.ledger.members import enrol, enrol_batch, freeze, unfreeze
from token_service.ledger.profiles import change_member
from token_service.ledger.rebuild import rebuild
from token_service.ledger.transaction import write
from token_service.program.birthdays import birthday_in, last_birthday, next_birthday

EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: hello, kind: event, event: member.joined, points: 30, once_per: person, name: {en: Welcome, fr: Bienvenue}}
  - {id: cake, kind: event, event: member.birthday, points: 40}
"""
RULES = rules().replace("[{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]", EARNING)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def join(town: Town, email: str | None = None, birth_date: date | None = None, **more: Any) -> str:
    actor = more.pop("actor", town.alice)
    new = NewMember(external_id=town.reference(), email=email, birth_date=birth_date, **more)
    return enrol(town.context, actor, new).member.id


def points(town: Town, member_id: str) -> int:
    return town.balance(member_id).available


def test_enrolment_issues_the_bonus_once_per_person_usable_the_same_minute(town: Town) -> None:
    """Number 14, known by the e-mail address."""
    member = join(town, "zoe@example.com")
    assert points(town, member) == 30
    town.redeem(member, 30)
    again = join(town, " Zoe@Example.com", actor=town.charlie)
    assert points(town, again) == 0, "the same person with another card"
    assert points(town, join(town)) == 0, "a card without an address is nobody's"
    assert points(town, join(town, "yann@example.com")) == 30
    town.check()


def test_the_programme_issues_and_not_the_shop(town: Town) -> None:
    member = join(town, "zoe@example.com")
    (entry,) = town.statement(member)
    assert (entry.merchant_name, entry.facts["event"]) == ("Les Halles", "member.joined")


def test_in_a_batch_each_person_is_welcomed_once(town: Town) -> None:
    emails = ["a@example.com", "b@example.com", "a@example.com", None]
    news = [NewMember(external_id=town.reference(), email=email) for email in emails]
    done = enrol_batch(town.context, town.alice, news)
    assert [one.member.balance.available for one in done if not isinstance(one, Exception)] == [30, 30, 0, 0]
    assert len(enrol_batch(town.context, town.alice, news)) == 4
    town.check()


def test_enrolling_twice_welcomes_once(town: Town) -> None:
    new = NewMember(external_id="card-1", email="zoe@example.com")
    first, again = (enrol(town.context, town.alice, new) for _ in range(2))
    assert (first.created, again.created) == (True, False)
    assert points(town, first.member.id) == 30


def test_a_paused_programme_enrols_without_a_welcome(town: Town) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(paused=True))
    assert points(town, join(town, "zoe@example.com")) == 0
    town.check()


def test_without_such_a_rule_nobody_is_welcomed_or_celebrated(make: Make) -> None:
    town = make(rules())
    member = join(town, "zoe@example.com", date(1990, 3, 3))
    assert town.pass_time(DAY).birthdays == 0
    assert town.moves(member) == []


def test_one_grant_per_member_per_year(town: Town) -> None:
    """Number 16. The programme's clock counts: in Paris the day begins at 23:00 UTC of the day before."""
    member = join(town, birth_date=date(1990, 3, 5))
    assert next_due_at(town.context) == datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
    assert town.pass_time(2 * DAY).birthdays == 0
    assert town.pass_time(timedelta(hours=14)).birthdays == 1
    assert run_due(town.context).birthdays == 0
    assert points(town, member) == 40
    assert town.pass_time(364 * DAY).birthdays == 0
    assert town.pass_time(DAY).birthdays == 1
    assert points(town, member) == 80
    town.check()


def test_editing_the_birth_date_never_yields_a_second_one_that_year(town: Town) -> None:
    member = join(town, birth_date=date(1990, 3, 3))
    assert town.pass_time(DAY).birthdays == 1
    change = MemberChange(frozenset({"birth_date"}), birth_date=date(1990, 3, 10))
    change_member(town.context, town.alice, member, change)
    assert town.pass_time(8 * DAY).birthdays == 0
    assert points(town, member) == 40
    assert town.pass_time(365 * DAY).birthdays == 1


def test_29_february_is_handled() -> None:
    born = date(2004, 2, 29)
    assert birthday_in(born, 2028) == date(2028, 2, 29)
    assert birthday_in(born, 2026) == date(2026, 2, 28)
    assert next_birthday(born, date(2026, 2, 28)) == date(2027, 2, 28)
    assert next_birthday(born, date(2028, 2, 28)) == date(2028, 2, 29)
    assert last_birthday(born, date(2028, 2, 28)) == date(2027, 2, 28)


def test_who_joins_on_their_birthday_has_it_that_day_and_who_joins_after_it_next_year(town: Town) -> None:
    today, yesterday = join(town, birth_date=date(1990, 3, 2)), join(town, birth_date=date(1990, 3, 1))
    assert run_due(town.context).birthdays == 1
    assert (points(town, today), points(town, yesterday)) == (40, 0)


@pytest.mark.parametrize(("days_late", "given"), [(7, 40), (8, 0)])
def test_a_week_of_standing_still_loses_no_birthday(town: Town, days_late: int, given: int) -> None:
    member = join(town, birth_date=date(1990, 3, 10))
    town.pass_time(8 * DAY + days_late * DAY)
    assert points(town, member) == given
    town.check()


def test_a_frozen_member_is_celebrated_when_they_are_unfrozen(town: Town) -> None:
    member = join(town, birth_date=date(1990, 3, 3))
    freeze(town.context, ADMIN, member, "under investigation")
    assert town.pass_time(DAY).birthdays == 0
    unfreeze(town.context, ADMIN, member, "cleared")
    assert town.pass_time(DAY).birthdays == 1


def test_a_birthday_that_a_ceiling_refuses_is_tried_again(make: Make) -> None:
    town = make(RULES)
    member = join(town, birth_date=date(1990, 3, 3))
    with town.context.store.write() as connection:
        own = update(tables.merchants).where(tables.merchants.c.party == 1)
        connection.execute(own.values(ceiling_points=39))
    assert town.pass_time(DAY).birthdays == 0
    with town.context.store.write() as connection:
        connection.execute(own.values(ceiling_points=1_000))
    assert town.pass_time(DAY).birthdays == 1
    assert points(town, member) == 40


def test_a_limit_stops_a_run_and_the_next_one_goes_on(town: Town) -> None:
    members = [join(town, birth_date=date(1990, 3, 3)) for _ in range(CHUNK + 20)]
    town.clock.forward(DAY)
    first = run_due(town.context, limit=50)
    assert (first.birthdays, first.remaining) == (CHUNK, True)
    assert run_due(town.context).birthdays == 20
    assert {points(town, member) for member in members} == {40}


def test_after_a_rebuild_nothing_is_given_again(town: Town) -> None:
    member = join(town, "zoe@example.com", date(1990, 3, 3))
    town.pass_time(DAY)
    rebuild(town.context)
    town.check()
    assert run_due(town.context).birthdays == 0
    assert points(town, member) == 70
    with town.context.store.read() as connection:
        due_on = connection.execute(select(tables.members.c.birthday_due_on)).scalar_one()
    assert due_on == date(2027, 3, 3)
    write(town.context, lambda tx: tx.flush())
