"""A member's own data put right: birthdays stay one a year, and another address takes the old one's rights."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town
from sqlalchemy import select
from test_own_events import RULES, join, points
from test_own_events import town as town  # noqa: PLC0414 (fixture)
from test_verified_contacts import PHONE, joined, told

from token_service.errors import Forbidden, InvalidInput, NotFound
from token_service.ledger import tables
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.inputs import MemberChange, NewContacts
from token_service.ledger.merging import merge_members
from token_service.ledger.profiles import Changed, change_member, list_data_changes
from token_service.ledger.session_tables import sessions
from token_service.ledger.sessions import answer_code, members_with_email, record_code, session_of
from token_service.ledger.users import add_user, list_users


def change(town: Town, member: str, actor: Actor | None = None, **values: object) -> Changed:
    new = MemberChange(frozenset(values) - {"verified"}, **values)  # type: ignore[arg-type]
    return change_member(town.context, actor or town.alice, member, new)


def sign_in(town: Town, email: str, token: str) -> None:
    record_code(town.context, ticket_hash=token, code_hash="code", email=email, client_address="here")
    answer_code(town.context, ticket_hash=token, code_hash="code", token_hash=token, device="a browser")


def birthday_due_on(town: Town, member: str) -> date | None:
    with town.context.store.read() as connection:
        query = select(tables.members.c.birthday_due_on).where(tables.members.c.id == member)
        due_on: date | None = connection.execute(query).scalar_one()
    return due_on


def test_a_birth_date_put_right_brings_the_birthday_on_its_day(town: Town) -> None:
    member = join(town, birth_date=date(1990, 9, 3))
    change(town, member, birth_date=date(1990, 3, 9))
    assert birthday_due_on(town, member) == date(2026, 3, 9)
    assert town.pass_time(6 * DAY).birthdays == 0
    assert town.pass_time(DAY).birthdays == 1
    assert points(town, member) == 40
    town.check()


def test_editing_the_birth_date_never_yields_a_second_grant_that_year(town: Town) -> None:
    """Number 16: "One grant per member per year (key birthday:<member>:<year>); editing the birth date never yields a second one
    that year; 29 Feb handled"."""
    member = join(town, birth_date=date(1990, 3, 3))
    assert town.pass_time(DAY).birthdays == 1
    for day in (date(1990, 3, 10), date(1990, 12, 31), date(1988, 3, 5)):
        change(town, member, birth_date=day)
        assert town.pass_time(3 * DAY).birthdays == 0
    assert points(town, member) == 40
    change(town, member, birth_date=None)
    assert birthday_due_on(town, member) is None
    change(town, member, birth_date=date(1990, 3, 4))
    assert town.pass_time(300 * DAY).birthdays == 0
    assert town.pass_time(57 * DAY).birthdays == 1
    assert points(town, member) == 80
    town.check()


def test_a_birthday_that_is_past_this_year_is_not_caught_up_with(town: Town) -> None:
    member = join(town, birth_date=date(1990, 12, 1))
    change(town, member, birth_date=date(1990, 3, 1))
    assert birthday_due_on(town, member) == date(2027, 3, 1)
    assert run_due(town.context).birthdays == 0


def test_a_birthday_of_today_told_today_is_celebrated_today_once(town: Town) -> None:
    member = join(town)
    change(town, member, birth_date=date(1990, 3, 2))
    change(town, member, birth_date=date(1980, 3, 2))
    assert run_due(town.context).birthdays == 1
    assert points(town, member) == 40


def test_who_is_born_on_29_february_has_it_on_the_28th_and_in_a_leap_year_on_the_29th(town: Town) -> None:
    town.clock.at = datetime(2027, 2, 27, 12, tzinfo=UTC)
    member = join(town, birth_date=date(2004, 2, 29))
    assert run_due(town.context).birthdays == 0
    assert town.pass_time(DAY).birthdays == 1, "28 February 2027"
    assert town.pass_time(DAY).birthdays == 0, "1 March 2027"
    town.clock.at = datetime(2028, 2, 27, 12, tzinfo=UTC)
    assert run_due(town.context).birthdays == 0
    assert town.pass_time(DAY).birthdays == 0, "28 February 2028"
    assert town.pass_time(DAY).birthdays == 1, "29 February 2028"
    assert town.pass_time(DAY).birthdays == 0, "1 March 2028"
    assert points(town, member) == 80
    town.check()


@pytest.mark.parametrize("day", [date(2004, 3, 1), date(2004, 2, 28)])
def test_29_february_and_the_days_beside_it_are_one_birthday_a_year(town: Town, day: date) -> None:
    town.clock.at = datetime(2027, 2, 28, 12, tzinfo=UTC)
    member = join(town, birth_date=date(2004, 2, 29))
    assert run_due(town.context).birthdays == 1
    change(town, member, birth_date=day)
    assert town.pass_time(DAY).birthdays == 0
    change(town, member, birth_date=date(2004, 2, 29))
    assert town.pass_time(363 * DAY).birthdays == 0
    assert points(town, member) == 40


def test_another_birth_date_does_not_take_a_birthday_that_waits(town: Town) -> None:
    member = join(town, birth_date=date(1990, 3, 3))
    town.clock.forward(DAY)
    change(town, member, name="Zoé")
    assert run_due(town.context).birthdays == 1, "of the name nothing depends"
    assert points(town, member) == 40


def test_another_address_signs_in_and_the_old_one_no_more(town: Town) -> None:
    member = join(town, "zeo@example.com")
    sign_in(town, "zeo@example.com", "old")
    assert session_of(town.context, "old") is not None
    done = change(town, member, email=" Zoe@Example.com")
    assert (done.fields, done.member.email) == (("email",), "zoe@example.com")
    assert session_of(town.context, "old") is None
    assert members_with_email(town.context, "zeo@example.com") == ()
    assert [one.id for one in members_with_email(town.context, "zoe@example.com")] == [member]
    change(town, member, email="zeo@example.com")
    assert session_of(town.context, "old") is None, "also when the address comes back"
    with town.context.store.read() as connection:
        assert connection.execute(select(sessions)).all() == []


def test_the_old_address_is_verified_no_more_and_its_owner_is_another_person(town: Town) -> None:
    first = joined(town, NewContacts(email="zeo@example.com"), email="zeo@example.com").member.id
    change(town, first, email="zoe@example.com")
    assert told(joined(town, NewContacts(email="zoe@example.com")))[0] == "nothing"
    assert told(joined(town, NewContacts(email="zeo@example.com")))[0] == "given"


def test_a_verified_telephone_stays_and_a_new_address_is_verified_in_the_same_call(town: Town) -> None:
    first = joined(town, PHONE, email="zeo@example.com").member.id
    change(town, first, email="zoe@example.com", verified=NewContacts(email="zoe@example.com"))
    assert told(joined(town, PHONE))[0] == "nothing"
    assert told(joined(town, NewContacts(email="zoe@example.com")))[0] == "nothing"


def test_an_address_that_was_missing_brings_the_welcome_that_waited(town: Town) -> None:
    outcome = joined(town)
    assert told(outcome)[0] == "waiting"
    done = change(town, outcome.member.id, email="zoe@example.com")
    assert done.welcome is not None
    assert (done.welcome.state, done.member.balance.available) == ("given", 30)
    again = change(town, outcome.member.id, email="yann@example.com")
    assert again.member.balance.available == 30
    town.check()


def test_one_address_may_have_several_cards_as_at_enrolment(town: Town) -> None:
    first, second = join(town, "zoe@example.com"), join(town, "zeo@example.com")
    change(town, second, email="zoe@example.com")
    assert {one.id for one in members_with_email(town.context, "zoe@example.com")} == {first, second}


def test_a_colleagues_address_becomes_the_cards_own(town: Town) -> None:
    member = join(town, "office@example.com")
    add_user(town.context, town.alice, member, "lea@example.com")
    change(town, member, email="lea@example.com")
    assert list_users(town.context, town.alice, member) == ()
    assert [one.id for one in members_with_email(town.context, "lea@example.com")] == [member]


def test_the_trail_says_which_fields_by_whom_and_not_what_they_were(town: Town) -> None:
    member = join(town, "zeo@example.com")
    change(town, member, name="Zoé", locale="fr", birth_date=date(1990, 1, 1))
    change(town, member, name="Zoé", locale="fr")
    change(town, member, ADMIN, name=None)
    lines = list_data_changes(town.context, ADMIN, member, most=9)
    assert [(line.fields, line.done_by) for line in lines] == [
        (("name",), ADMIN.name),
        (("birth_date", "locale", "name"), town.alice.name),
    ]
    other = join(town)
    merge_members(town.context, ADMIN, member, other, "one person")
    assert list_data_changes(town.context, ADMIN, other, most=9) == lines


def test_only_the_shop_that_enrolled_and_an_admin_change_it(town: Town) -> None:
    member = join(town, "zeo@example.com")
    for actor, refusal in ((town.charlie, NotFound), (Actor.member(member), Forbidden)):
        with pytest.raises(refusal):
            change(town, member, actor, name="Zoé")
    for wrong in ({}, {"email": "zoe"}, {"name": ""}, {"birth_date": town.clock.at.date() + timedelta(days=2)}):
        with pytest.raises(InvalidInput):
            change(town, member, **wrong)


def test_without_a_rule_for_birthdays_the_date_is_only_kept(make: Make) -> None:
    town = make(RULES.replace("event: member.birthday", "event: review.written"))
    member = join(town, birth_date=date(1990, 9, 3))
    change(town, member, birth_date=date(1990, 3, 3))
    assert town.pass_time(DAY).birthdays == 0
    assert birthday_due_on(town, member) == date(2026, 3, 3)
