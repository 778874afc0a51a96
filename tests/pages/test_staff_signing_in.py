"""Staff sign in with a password, change it, and are told the same whether or not their address is known."""

from __future__ import annotations

import pytest
from pages_town import ORIGIN, Browser, Town
from staff_people import hire, signed_in

from token_service.ledger.context import Actor
from token_service.ledger.staff import NewPerson, add_person, disable_person


def add(town: Town, role: str = "manager") -> str:
    """A person with a first password; the password."""
    return add_person(town.context, Actor.admin(), NewPerson("mona@example.com", "Mona", role)).password


def test_the_first_visit_leads_to_a_password_of_ones_own(town: Town, alice: Browser) -> None:
    password = add(town)
    answer = alice.post("/staff/sign-in", email=" Mona@example.com", password=password)
    assert (answer.status_code, answer.location) == (303, "/staff")
    assert alice.get("/staff").location == "/staff/password"
    assert "Choose a password of your own" in alice.get("/staff/password").text
    form = {"current": password, "new": "copper on paper", "again": "copper on paper"}
    assert alice.post("/staff/password", **form).status_code == 303
    assert "Change your password" in alice.get("/staff/password").text


def test_the_cookie_is_kept_from_scripts_and_other_sites(town: Town, alice: Browser) -> None:
    password = add(town)
    cookie = alice.post("/staff/sign-in", email="mona@example.com", password=password).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    secure = Browser(town.app(base_url="https://points.example").test_client())
    headers = {"Origin": "https://points.example"}
    data = {"email": "mona@example.com", "password": password}
    cookie = secure.client.post("/staff/sign-in", data=data, headers=headers).headers["Set-Cookie"]
    assert cookie.startswith("__Host-staff=")
    assert "Secure" in cookie


def test_wrong_and_unknown_are_told_alike(town: Town, alice: Browser) -> None:
    add(town)
    answers = [
        alice.post("/staff/sign-in", email=email, password="wrong wrong wrong")
        for email in ("mona@example.com", "nobody@example.com")
    ]
    texts = [answer.text.replace("nobody@", "mona@") for answer in answers]
    assert texts[0] == texts[1]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "do not belong together" in texts[0]


def test_a_password_is_never_shown_again(town: Town, alice: Browser) -> None:
    secret = "do not echo me please"
    assert secret not in alice.post("/staff/sign-in", email="x@example.com", password=secret).text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"new": "short", "again": "short"}, "at least 12 characters"),
        ({"new": "copper on paper", "again": "copper on papers"}, "The two are not the same"),
        (
            {"current": "not it at all", "new": "copper on paper", "again": "copper on paper"},
            "That is not your password",
        ),
    ],
)
def test_a_password_that_cannot_be_is_named_beside_its_field(
    town: Town, alice: Browser, form: dict[str, str], said: str
) -> None:
    password = add(town)
    alice.post("/staff/sign-in", email="mona@example.com", password=password)
    answer = alice.post("/staff/password", **({"current": password} | form))
    assert answer.status_code == 422
    assert said in answer.text
    assert form["new"] not in answer.text


def test_signing_out_closes_the_pages(town: Town) -> None:
    browser = signed_in(town, hire(town, "manager"))
    assert browser.get("/staff/password").status_code == 200
    browser.post("/staff/sign-out")
    assert browser.get("/staff/password").location == "/staff/sign-in"


def test_whoever_is_disabled_is_out_at_the_next_page(town: Town) -> None:
    person = hire(town, "manager")
    browser = signed_in(town, person)
    disable_person(town.context, Actor.admin(), person.id)
    assert browser.get("/staff/password").location == "/staff/sign-in"


def test_the_language_is_the_persons(town: Town) -> None:
    person = hire(town, "manager", locale="fr")
    browser = signed_in(town, person)
    assert "Changer votre mot de passe" in browser.get("/staff/password").text
    browser.post("/staff/language", language="en")
    assert "Change your password" in browser.get("/staff/password").text


def test_a_members_session_is_not_a_staffs_and_the_other_way_round(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    assert alice.get("/staff/password").location == "/staff/sign-in"
    staff = signed_in(town, hire(town, "owner"))
    assert staff.get("/wallet").location == "/sign-in"


def test_a_form_from_elsewhere_changes_no_password(town: Town) -> None:
    browser = signed_in(town, hire(town, "manager"))
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert browser.client.post("/staff/password", headers=headers).status_code == 403
    assert browser.client.post("/staff/language", data={"language": "fr"}, headers=ORIGIN).status_code == 303
