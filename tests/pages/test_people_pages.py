"""The people of a company in its wallet: seen, added and removed by themselves, once each, after signing in anew."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from console_town import desk
from pages_town import Browser, Town

from token_service.ledger.colleagues import ADDED_A_DAY_MAX, company_of
from token_service.ledger.context import Actor
from token_service.ledger.sessions import kept_mails
from token_service.ledger.users import add_user, list_users

OWN, LEA, TOM = "garage@example.com", "lea@example.com", "tom@example.com"


@pytest.fixture
def garage(town: Town) -> str:
    """A company with an own address, and Léa."""
    made = town.member(OWN, "Garage du Pont")
    add_user(town.context, town.actor, made, LEA, "Léa")
    return made


@pytest.fixture
def lea(town: Town, garage: str, alice: Browser) -> Browser:
    alice.sign_in(town, LEA)
    return alice


def people(town: Town, member_id: str) -> list[str]:
    return [one.email for one in list_users(town.context, Actor.admin(), member_id)]


def user_id(town: Town, member_id: str, email: str) -> str:
    return next(one.id for one in list_users(town.context, Actor.admin(), member_id) if one.email == email)


def mails(town: Town) -> dict[str, str]:
    """The newest body by recipient, with plain spaces."""
    return {one.recipient: one.body.replace("\N{NO-BREAK SPACE}", " ") for one in reversed(kept_mails(town.context))}


def page(browser: Browser, path: str = "/people", language: str = "en") -> str:
    answer = browser.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.text.replace("\N{NO-BREAK SPACE}", " ")


# --- Who sees it --------------------------------------------------------------------------------------------------------


def test_preferences_lead_a_company_there(lea: Browser) -> None:
    assert 'href="/people"' in lea.get("/preferences").text


def test_a_card_of_ones_own_has_no_such_page(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    assert 'href="/people"' not in alice.get("/preferences").text
    assert alice.get("/people").status_code == 404
    assert alice.get("/people/usr_x/remove").status_code == 404
    assert alice.post("/people", email=TOM).status_code == 404
    assert alice.post("/people/usr_x/remove").status_code == 404


def test_it_says_who_signs_in_since_when_and_who_you_are(lea: Browser) -> None:
    said = page(lea)
    for words in (
        "Garage du Pont",
        f"<strong>{OWN}</strong></p>",
        "The card’s own address, since 22 November 2026. Only the shop changes it.",
        f'<strong>Léa</strong><br>{LEA} <span class="tag">you</span>',
        "Since 22 November 2026",
        f"The shop added {LEA}.",
    ):
        assert words in said, words
    french = page(lea, language="fr")
    for words in ("Qui se connecte", '<span class="tag">vous</span>', f"Le magasin a ajouté {LEA}."):
        assert words in french, words


def test_everybody_of_the_company_sees_it_and_nobody_else(town: Town, garage: str, bob: Browser) -> None:
    bob.sign_in(town, OWN)
    assert LEA in page(bob)
    other = Browser(town.app().test_client())
    assert other.get("/people").location == "/sign-in"


# --- Adding -------------------------------------------------------------------------------------------------------------


def test_a_colleague_is_added_by_address_and_told_by_mail(town: Town, garage: str, lea: Browser, bob: Browser) -> None:
    answer = lea.post("/people", email=" Tom@Example.com ", name="Tom")
    assert (answer.status_code, answer.location) == (303, "/people?done=added")
    assert "Added. A mail tells them how to sign in." in page(lea, answer.location)
    assert people(town, garage) == [LEA, TOM]
    assert f"{LEA} lets you sign in to the points of Garage du Pont at Les Halles" in mails(town)[TOM]
    assert f"{LEA} let {TOM} sign in to your points on 22 November 2026 at 14:05." in mails(town)[OWN]
    assert bob.sign_in(town, TOM).location == "/wallet"
    assert f"{LEA} added {TOM}." in page(bob)


def test_it_is_done_once_however_often_the_form_is_sent(town: Town, garage: str, lea: Browser) -> None:
    lea.post("/people", email=TOM)
    before = len(kept_mails(town.context))
    answer = lea.post("/people", email=TOM)
    assert answer.location == "/people?done=known"
    assert "This address signs in already: nothing was changed." in page(lea, answer.location)
    assert (people(town, garage), len(kept_mails(town.context))) == ([LEA, TOM], before)


def test_an_address_with_a_card_elsewhere_is_answered_like_any_other(town: Town, garage: str, lea: Browser) -> None:
    town.member(TOM, "Tom")
    assert lea.post("/people", email=TOM).location == lea.post("/people", email="new@example.com").location
    said = {one.recipient: one.body for one in kept_mails(town.context)}
    assert said[TOM] == said["new@example.com"]


@pytest.mark.parametrize("typed", ["", "tom", "tom@", "a b@example.com", "x" * 250 + "@example.com"])
def test_what_is_no_address_is_said_beside_the_field_and_kept(
    town: Town, garage: str, lea: Browser, typed: str
) -> None:
    answer = lea.post("/people", email=typed, name="Tom <b>")
    assert answer.status_code == 422
    assert "Give an e-mail address, such as lea@example.com." in answer.text
    for kept in (f'value="{typed}"', 'value="Tom &lt;b&gt;"', 'aria-describedby="email-error email-hint"'):
        assert kept in answer.text
    assert people(town, garage) == [LEA]


def test_the_most_of_a_day_is_said(town: Town, garage: str, lea: Browser) -> None:
    for number in range(ADDED_A_DAY_MAX):
        lea.post("/people", email=f"day-{number}@example.com")
    answer = lea.post("/people", email=TOM)
    assert (answer.status_code, f"{ADDED_A_DAY_MAX} people were added today" in answer.text) == (422, True)
    assert TOM not in people(town, garage)


def test_the_mail_names_the_place_only_where_the_operator_does(town: Town, garage: str) -> None:
    for email, public in ((TOM, None), ("eve@example.com", "https://points.example.com/")):
        browser = Browser(town.app(public_url=public).test_client())
        browser.sign_in(town, LEA)
        browser.post("/people", email=email)
        assert ("http" in mails(town)[email], "https://points.example.com/sign-in" in mails(town)[email]) == (
            bool(public),
            bool(public),
        )


# --- Signing in once more -----------------------------------------------------------------------------------------------


def test_whoever_signed_in_a_while_ago_proves_again_that_it_is_them(town: Town, garage: str, lea: Browser) -> None:
    town.clock.move(timedelta(minutes=16))
    said = page(lea)
    assert 'name="email"' not in said
    assert 'href="/confirm?purpose=people"' in said
    assert (
        "<form"
        not in page(lea, f"/people/{user_id(town, garage, LEA)}/remove").partition("<main")[2].partition("</main")[0]
    )
    for path, form in (("/people", {"email": TOM}), (f"/people/{user_id(town, garage, LEA)}/remove", {})):
        assert lea.post(path, **form).location == "/confirm?purpose=people"
    assert people(town, garage) == [LEA]
    assert "Before somebody is let in or shut out" in page(lea, "/confirm?purpose=people")
    assert lea.post("/confirm?purpose=people").location == "/confirm?purpose=people"
    assert lea.post("/confirm/code?purpose=people", code=town.code()).location == "/people"
    assert 'name="email"' in page(lea)


def test_an_unknown_purpose_leads_where_it_always_did(town: Town, lea: Browser) -> None:
    lea.post("/confirm?purpose=https://evil.example")
    assert lea.post("/confirm/code?purpose=//evil.example", code=town.code()).location == "/own-wallet"


# --- Removing -----------------------------------------------------------------------------------------------------------


def test_a_colleague_is_removed_after_a_question_and_signed_out_at_once(
    town: Town, garage: str, lea: Browser, bob: Browser
) -> None:
    lea.post("/people", email=TOM, name="Tom")
    bob.sign_in(town, TOM)
    assert bob.get("/wallet").status_code == 200
    path = f"/people/{user_id(town, garage, TOM)}/remove"
    assert path in page(lea)
    asked = page(lea, path)
    assert "Remove Tom?" in asked
    assert "They are signed out at once" in asked
    assert people(town, garage) == [LEA, TOM]
    answer = lea.post(path)
    assert answer.location == "/people?done=removed"
    assert "Removed. They are signed out everywhere" in page(lea, answer.location)
    assert bob.get("/wallet").location == "/sign-in"
    assert f"{LEA} removed {TOM} on 22 November 2026 at 14:05" in mails(town)[OWN]
    assert lea.post(path).location == "/people?done=removed"
    assert lea.get(path).status_code == 404
    assert [one.change for one in company_of(town.context, garage).changes] == ["removed", "added", "added"]


def test_whoever_removes_themselves_is_at_the_door(town: Town, garage: str, lea: Browser) -> None:
    path = f"/people/{user_id(town, garage, LEA)}/remove"
    assert "Remove yourself?" in page(lea, path)
    assert lea.post(path).location == "/sign-in"
    assert lea.get("/wallet").location == "/sign-in"


def test_the_last_one_cannot_remove_themselves(town: Town, alice: Browser) -> None:
    club = town.member(None, "Club")
    add_user(town.context, town.actor, club, LEA)
    alice.sign_in(town, LEA)
    path = f"/people/{user_id(town, club, LEA)}/remove"
    assert path not in page(alice)
    assert "Nobody else signs in to these points." in page(alice, path)
    answer = alice.post(path)
    assert (answer.status_code, "Add a colleague first" in answer.text) == (409, True)
    assert people(town, club) == [LEA]


def test_somebody_of_another_company_is_nowhere(town: Town, garage: str, lea: Browser) -> None:
    other = town.member("other@example.com", "Other")
    add_user(town.context, town.actor, other, TOM)
    path = f"/people/{user_id(town, other, TOM)}/remove"
    assert lea.get(path).status_code == 404
    lea.post(path)
    assert people(town, other) == [TOM]


def test_a_form_of_another_site_changes_nothing(town: Town, garage: str, lea: Browser) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert lea.client.post("/people", data={"email": TOM}, headers=foreign).status_code == 403
    assert people(town, garage) == [LEA]


# --- The trail ----------------------------------------------------------------------------------------------------------


def test_staff_read_who_let_whom_in(town: Town, garage: str, lea: Browser) -> None:
    lea.post("/people", email=TOM)
    lea.post(f"/people/{user_id(town, garage, TOM)}/remove")
    said = re.sub(r"\s+", " ", desk(town, "support").read(f"/console/members/{garage}"))
    for words in ("Access given and taken away", f"{LEA} added {TOM}.", f"{LEA} removed {TOM}."):
        assert words in said, words
