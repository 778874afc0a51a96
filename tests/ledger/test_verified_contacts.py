"""A welcome once for each person: known by an e-mail address or telephone that a shop has verified, kept as keyed hashes."""

from __future__ import annotations

import pytest
from ledger_town import ADMIN, Make, Town
from test_own_events import RULES, join, points
from test_own_events import town as town  # noqa: PLC0414 (fixture)

from token_service.errors import Forbidden, InvalidInput, NotFound
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import MemberChange, NewContacts, NewMember
from token_service.ledger.members import EnrolOutcome, enrol
from token_service.ledger.merging import merge_members
from token_service.ledger.profiles import change_member
from token_service.ledger.welcomes import Welcome, get_welcome

PHONE = NewContacts(phone="+33 6 12 34 56 78")
EMAIL = NewContacts(email="zoe@example.com")


def verify_contacts(context: Context, actor: Actor, member_id: str, verified: NewContacts) -> Welcome | None:
    return change_member(context, actor, member_id, MemberChange(verified=verified)).welcome


def joined(town: Town, verified: NewContacts | None = None, **more: str) -> EnrolOutcome:
    return enrol(town.context, town.alice, NewMember(town.reference(), verified=verified, **more))


def told(outcome: EnrolOutcome) -> tuple[str, int, list[str]]:
    assert outcome.welcome is not None
    return outcome.welcome.state, outcome.welcome.points, [line.why for line in outcome.welcome.breakdown]


def test_the_bonus_is_deduplicated_on_verified_email_or_phone_and_the_answer_says_why(town: Town) -> None:
    """Number 14 of the brief's list: "once per person (deduplicated on verified e-mail/phone), usable the same minute"."""
    first = joined(town, PHONE)
    assert told(first)[:2] == ("given", 30)
    town.redeem(first.member.id, 30)
    again = joined(town, NewContacts(email="other@example.com", phone="+33.6.12.34.56.78"))
    assert told(again) == ("nothing", 0, ["once for each person"])
    third = joined(town, NewContacts(email="other@example.com"))
    assert told(third) == ("nothing", 0, ["once for each person"]), (
        "by the address of the second card, which had nothing"
    )
    town.check()


def test_a_welcome_waits_until_somebody_says_who_it_is(town: Town) -> None:
    outcome = joined(town)
    assert told(outcome) == ("waiting", 0, [])
    member = outcome.member.id
    for _ in range(2):
        given = verify_contacts(town.context, town.alice, member, PHONE)
        assert given is not None
        assert (given.state, points(town, member)) == ("given", 30)
    assert get_welcome(town.context, ADMIN, member) == given
    town.check()


def test_a_verified_address_and_the_same_one_that_nobody_verified_are_one_person(town: Town) -> None:
    assert points(town, join(town, "zoe@example.com")) == 30
    assert told(joined(town, EMAIL))[0] == "nothing"
    assert told(joined(town, NewContacts(email="yann@example.com")))[0] == "given"
    assert points(town, join(town, "Yann@example.com")) == 0


def test_only_the_shop_that_enrolled_says_so_and_what_it_says_is_looked_at(town: Town) -> None:
    member = joined(town).member.id
    with pytest.raises(NotFound):
        verify_contacts(town.context, town.charlie, member, PHONE)
    with pytest.raises(Forbidden):
        verify_contacts(town.context, Actor.member(member), member, PHONE)
    for wrong in (NewContacts(), NewContacts(phone="06 12 34 56 78"), NewContacts(email="nobody")):
        with pytest.raises(InvalidInput):
            verify_contacts(town.context, town.alice, member, wrong)
        with pytest.raises(InvalidInput):
            joined(town, wrong)


def test_neither_address_nor_telephone_is_kept(town: Town) -> None:
    joined(town, NewContacts(email="zoe@example.com", phone=PHONE.phone))
    with town.context.store.read() as connection:
        rows = str(connection.exec_driver_sql("select * from member_contacts").all())
    assert "zoe" not in rows
    assert "33612345678" not in rows


def test_accounts_that_become_one_are_known_by_what_both_were(town: Town) -> None:
    stays, goes = joined(town, EMAIL).member.id, joined(town, PHONE).member.id
    merge_members(town.context, ADMIN, goes, stays, "the same person")
    assert told(joined(town, PHONE))[0] == "nothing"
    town.check()


def test_where_something_is_for_everybody_nobody_waits(make: Make) -> None:
    town = make(RULES.replace("once_per: person, ", ""))
    assert told(joined(town)) == ("given", 30, ["30 points for member.joined"])
