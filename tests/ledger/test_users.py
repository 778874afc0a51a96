"""A company as a member: several people sign in to it (number 52 of the brief)."""

from __future__ import annotations

import pytest
from ledger_town import ADMIN, Make, Town

from token_service.errors import Conflict, Forbidden, InvalidInput, NotFound
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMember
from token_service.ledger.member_search import search_members
from token_service.ledger.members import enrol
from token_service.ledger.sessions import Session, choose_member, members_with_email
from token_service.ledger.users import USERS_MAX, add_user, is_persons, list_users, remove_user


@pytest.fixture
def town(make: Make) -> Town:
    return make()


@pytest.fixture
def garage(town: Town) -> str:
    new = NewMember("garage-1", email="garage@example.com", name="Garage du Pont")
    return enrol(town.context, town.alice, new).member.id


def reads(town: Town, email: str) -> list[str]:
    return [one.id for one in members_with_email(town.context, email)]


def test_a_company_has_several_users(town: Town, garage: str) -> None:
    first = add_user(town.context, town.alice, garage, " Lea@Example.com ", "Léa")
    assert add_user(town.context, town.alice, garage, "lea@example.com") == first
    second = add_user(town.context, ADMIN, garage, "tom@example.com")
    assert [one.email for one in list_users(town.context, town.alice, garage)] == ["lea@example.com", "tom@example.com"]
    for email in ("garage@example.com", "lea@example.com", "tom@example.com"):
        assert reads(town, email) == [garage]
    for _ in range(2):
        remove_user(town.context, town.alice, garage, second.id)
    assert reads(town, "tom@example.com") == []


def test_one_person_signs_in_to_a_company_and_to_a_card_of_their_own(town: Town, garage: str) -> None:
    own = enrol(town.context, town.charlie, NewMember("lea-1", email="lea@example.com")).member.id
    add_user(town.context, town.alice, garage, "lea@example.com")
    assert reads(town, "lea@example.com") == sorted([garage, own])
    now = town.clock.at
    session = Session("ses_1", "lea@example.com", None, "", now, now, now)
    assert not choose_member(town.context, session, town.member())


def test_a_user_is_found_by_their_address_and_is_the_company_to_the_staff(town: Town, garage: str) -> None:
    add_user(town.context, town.alice, garage, "lea@example.com")
    assert [one.id for one in search_members(town.context, "LEA@example.com").data] == [garage]
    with town.context.store.read() as connection:
        assert is_persons(connection, garage, "lea@example.com")
        assert is_persons(connection, garage, "garage@example.com")
        assert not is_persons(connection, garage, "tom@example.com")


def test_only_the_merchant_that_enrolled_it_and_admins_say_who_they_are(town: Town, garage: str) -> None:
    enrol(town.context, town.charlie, NewMember("garage-9"))
    for work in (
        lambda: add_user(town.context, town.charlie, garage, "lea@example.com"),
        lambda: list_users(town.context, town.charlie, garage),
        lambda: add_user(town.context, town.alice, "mem_nobody", "lea@example.com"),
    ):
        with pytest.raises(NotFound):
            work()
    with pytest.raises(Forbidden):
        add_user(town.context, Actor.member(garage), garage, "lea@example.com")


def test_what_is_no_address_and_what_is_too_much_is_refused(town: Town, garage: str) -> None:
    for wrong in ("", "lea", "@example.com", "lea@", "a@b@c", "x" * 250 + "@a.fr"):
        with pytest.raises(InvalidInput):
            add_user(town.context, town.alice, garage, wrong)
    with pytest.raises(Conflict):
        add_user(town.context, town.alice, garage, "GARAGE@example.com")
    for number in range(USERS_MAX):
        add_user(town.context, town.alice, garage, f"user-{number}@example.com")
    with pytest.raises(Conflict):
        add_user(town.context, town.alice, garage, "one-more@example.com")
    assert len(list_users(town.context, town.alice, garage)) == USERS_MAX
