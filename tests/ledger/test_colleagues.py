"""A company's people let colleagues in and shut them out, and the trail says who did; on both databases."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from ledger_town import Make, Town

from token_service.errors import InvalidInput, NotFound
from token_service.ledger.colleagues import (
    ADDED_A_DAY_MAX,
    Added,
    Removed,
    add_colleague,
    company_of,
    is_company,
    remove_colleague,
)
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol
from token_service.ledger.sessions import answer_code, choose_member, members_with_email, record_code, session_of
from token_service.ledger.users import USERS_MAX, add_user, list_users, remove_user

OWN, LEA, TOM = "garage@example.com", "lea@example.com", "tom@example.com"


@pytest.fixture
def town(make: Make) -> Town:
    return make()


@pytest.fixture
def garage(town: Town) -> str:
    """A company with an own address, and Léa."""
    made = enrol(town.context, town.alice, NewMember("garage-1", email=OWN, name="Garage du Pont")).member.id
    add_user(town.context, town.alice, made, LEA, "Léa")
    return made


def reads(town: Town, email: str) -> list[str]:
    return [one.id for one in members_with_email(town.context, email)]


def user_id(town: Town, member_id: str, email: str) -> str:
    return next(one.id for one in list_users(town.context, town.alice, member_id) if one.email == email)


def signed_in(town: Town, email: str, member_id: str) -> str:
    """The hash of a session's token."""
    number = town.reference()
    ticket, code, token = (sha256(f"{number}{part}".encode()).hexdigest() for part in ("ticket", "code", "token"))
    record_code(town.context, ticket_hash=ticket, code_hash=code, email=email, client_address="127.0.0.1")
    answer = answer_code(town.context, ticket_hash=ticket, code_hash=code, token_hash=token, device="")
    assert answer.session is not None
    assert choose_member(town.context, answer.session, member_id)
    return token


def test_a_colleague_is_let_in_once_and_shut_out(town: Town, garage: str) -> None:
    assert add_colleague(town.context, garage, LEA, " Tom@Example.com ", "Tom") is Added.DONE
    assert add_colleague(town.context, garage, OWN, TOM, None) is Added.KNOWN
    assert reads(town, TOM) == [garage]
    tom = user_id(town, garage, TOM)
    for expected in (Removed.DONE, Removed.GONE):
        assert remove_colleague(town.context, garage, LEA, tom) is expected
    assert reads(town, TOM) == []
    assert [
        (one.change, one.email, one.done_by, one.is_by_user) for one in company_of(town.context, garage).changes
    ] == [
        ("removed", TOM, LEA, True),
        ("added", TOM, LEA, True),
        ("added", LEA, "merchant", False),
    ]


def test_a_company_says_who_signs_in_since_when(town: Town, garage: str) -> None:
    found = company_of(town.context, garage)
    assert (found.name, found.email, found.since, found.count) == ("Garage du Pont", OWN, town.clock(), 2)
    assert [(one.email, one.name, one.since) for one in found.users] == [(LEA, "Léa", town.clock())]


def test_the_own_address_and_people_already_there_are_not_added_again(town: Town, garage: str) -> None:
    for known in (OWN.upper(), LEA):
        assert add_colleague(town.context, garage, LEA, known, None) is Added.KNOWN
    assert company_of(town.context, garage).count == 2


def test_a_personal_account_has_no_people(town: Town, garage: str) -> None:
    own = enrol(town.context, town.alice, NewMember("own-1", email=TOM)).member.id
    assert (is_company(town.context, own), is_company(town.context, garage)) == (False, True)
    for work in (
        lambda: company_of(town.context, own),
        lambda: add_colleague(town.context, own, TOM, "new@example.com", None),
        lambda: remove_colleague(town.context, own, TOM, "usr_x"),
    ):
        with pytest.raises(NotFound):
            work()


def test_a_company_stays_one_when_its_last_colleague_has_gone(town: Town, garage: str) -> None:
    assert remove_colleague(town.context, garage, OWN, user_id(town, garage, LEA)) is Removed.DONE
    assert is_company(town.context, garage)
    assert add_colleague(town.context, garage, OWN, LEA, None) is Added.DONE


def test_the_last_who_signs_in_cannot_shut_themselves_out(town: Town) -> None:
    made = enrol(town.context, town.alice, NewMember("club-1", name="Club")).member.id
    for email in (LEA, TOM):
        add_user(town.context, town.alice, made, email)
    assert remove_colleague(town.context, made, TOM, user_id(town, made, TOM)) is Removed.DONE
    assert remove_colleague(town.context, made, LEA, user_id(town, made, LEA)) is Removed.LAST
    assert reads(town, LEA) == [made]


def test_whoever_was_shut_out_changes_nothing_any_more(town: Town, garage: str) -> None:
    lea = user_id(town, garage, LEA)
    remove_colleague(town.context, garage, OWN, lea)
    for work in (
        lambda: add_colleague(town.context, garage, LEA, TOM, None),
        lambda: remove_colleague(town.context, garage, LEA, lea),
        lambda: add_colleague(town.context, garage, "stranger@example.com", TOM, None),
    ):
        with pytest.raises(NotFound):
            work()


@pytest.mark.parametrize("by_shop", [True, False])
def test_their_session_is_over_at_once_and_stays_over_when_they_come_back(
    town: Town, garage: str, by_shop: bool
) -> None:
    own = enrol(town.context, town.alice, NewMember("lea-1", email=LEA)).member.id
    here, elsewhere = signed_in(town, LEA, garage), signed_in(town, LEA, own)
    lea = user_id(town, garage, LEA)
    if by_shop:
        remove_user(town.context, town.alice, garage, lea)
    else:
        remove_colleague(town.context, garage, OWN, lea)
    assert session_of(town.context, here) is None
    assert session_of(town.context, elsewhere) is not None
    add_colleague(town.context, garage, OWN, LEA, None)
    assert session_of(town.context, here) is None


def test_a_persons_id_of_another_company_removes_nobody(town: Town, garage: str) -> None:
    other = enrol(town.context, town.alice, NewMember("other-1", email="other@example.com")).member.id
    add_user(town.context, town.alice, other, TOM)
    assert remove_colleague(town.context, garage, OWN, user_id(town, other, TOM)) is Removed.GONE
    assert reads(town, TOM) == [other]


def test_so_many_a_day_and_so_many_in_all(town: Town, garage: str) -> None:
    for number in range(ADDED_A_DAY_MAX):
        assert add_colleague(town.context, garage, OWN, f"day-{number}@example.com", None) is Added.DONE
    remove_colleague(town.context, garage, OWN, user_id(town, garage, "day-0@example.com"))
    assert add_colleague(town.context, garage, OWN, TOM, None) is Added.TOO_MANY
    town.clock.forward(timedelta(days=1))
    assert add_colleague(town.context, garage, OWN, TOM, None) is Added.DONE
    while len(list_users(town.context, town.alice, garage)) < USERS_MAX:
        add_user(town.context, town.alice, garage, f"{town.reference()}@example.com")
    assert add_colleague(town.context, garage, OWN, "late@example.com", None) is Added.FULL


def test_what_is_no_address_is_refused(town: Town, garage: str) -> None:
    for email, name in (("tom", None), ("", None), (TOM, "x" * 201)):
        with pytest.raises(InvalidInput):
            add_colleague(town.context, garage, OWN, email, name)
