"""A member's data corrected at the console: what was wrong at the till no longer stays for ever."""

from __future__ import annotations

from datetime import date

import pytest
from console_town import Desk, desk
from pages_town import Town

from token_service.ledger.context import Actor
from token_service.ledger.members import get_member
from token_service.ledger.sessions import kept_mails
from token_service.ledger.staff_trail import list_actions


@pytest.fixture
def support(town: Town) -> Desk:
    return desk(town, "support")


RIGHT = {"name": "Zoé Dupont", "email": " Zoe@Example.com ", "birth_date": "1990-02-28", "locale": "fr"}


def test_an_owner_manager_or_support_puts_a_members_data_right(town: Town, support: Desk) -> None:
    member = town.member("zeo@example.com", "Zoé Dupond")
    path = f"/console/members/{member}/data"
    assert path in support.read(f"/console/members/{member}")
    assert 'value="zeo@example.com"' in support.read(path)
    answer = support.post(path, **RIGHT)
    assert (answer.status_code, answer.location) == (303, f"/console/members/{member}?done=corrected")
    found = get_member(town.context, Actor.admin(), member)
    assert (found.name, found.email, found.birth_date, found.locale) == (
        "Zoé Dupont",
        "zoe@example.com",
        date(1990, 2, 28),
        "fr",
    )
    page = support.read(f"/console/members/{member}?done=corrected")
    for words in ("The trail says which fields were changed.", "28 February 1990", "Corrected the member’s data:"):
        assert words in page.replace("\N{NO-BREAK SPACE}", " "), words
    assert "Support: birth date, e-mail address, language, name" in page


def test_the_trail_says_which_fields_and_by_whom_and_nothing_of_the_person(town: Town, support: Desk) -> None:
    member = town.member("zeo@example.com", "Zoé Dupond")
    path = f"/console/members/{member}/data"
    form = {"name": "Zoé Dupont", "email": "zeo@example.com", "birth_date": "", "locale": ""}
    for _ in range(2):
        support.post(path, **form)
    (action,) = list_actions(town.context, member_id=member).data
    assert (action.action, action.staff_id, action.detail) == (
        "member.corrected",
        support.person.id,
        {"fields": ["name"]},
    )
    with town.context.store.read() as connection:
        rows = str(connection.exec_driver_sql("select * from member_changes").all())
    assert "name" in rows
    assert "Zo" not in rows


def test_the_old_address_is_told_and_the_new_one_is_not_named(town: Town, support: Desk) -> None:
    member = town.member("zeo@example.com", "Zoé")
    support.post(f"/console/members/{member}/data", **RIGHT)
    (mail,) = [one for one in kept_mails(town.context) if one.recipient == "zeo@example.com"]
    assert "was changed" in mail.body + "a été changée"
    assert "zoe@example.com" not in mail.body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "zoe"}, "Give an e-mail address"),
        ({"birth_date": "5 May"}, "Write the day as 1990-05-01."),
        ({"birth_date": "2190-05-01"}, "Nobody is born in the future."),
        ({"name": "x" * 201}, "At most 200 characters."),
        ({"locale": "tlh"}, "Choose one of these."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(town: Town, support: Desk, wrong: dict[str, str], said: str) -> None:
    member = town.member("zeo@example.com", "Zoé Dupond")
    answer = support.post(f"/console/members/{member}/data", **(RIGHT | wrong))
    assert answer.status_code == 422
    assert said in answer.text
    assert get_member(town.context, Actor.admin(), member).name == "Zoé Dupond"


def test_nobody_corrects_an_account_of_their_own_or_notes_their_own_address(town: Town, support: Desk) -> None:
    own, other = town.member(support.person.email, "Support"), town.member("zeo@example.com")
    assert support.post(f"/console/members/{own}/data", **RIGHT).status_code == 403
    answer = support.post(f"/console/members/{other}/data", **(RIGHT | {"email": support.person.email}))
    assert (answer.status_code, "a colleague must note it" in answer.text) == (403, True)
    assert get_member(town.context, Actor.admin(), other).email == "zeo@example.com"


def test_an_auditor_reads_and_corrects_nothing(town: Town) -> None:
    member, auditor = town.member("zeo@example.com"), desk(town, "auditor")
    assert f"{member}/data" not in auditor.read(f"/console/members/{member}")
    assert auditor.post(f"/console/members/{member}/data", **RIGHT).status_code == 403
