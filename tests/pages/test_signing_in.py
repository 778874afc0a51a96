"""Signing in with a code by e-mail: what works, what is refused, and what nobody can find out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pages_town import ORIGIN, Browser, Town, counting
from sqlalchemy import select, update

from token_service import pages
from token_service.ledger.session_tables import sessions, sign_in_codes
from token_service.ledger.sessions import kept_mails
from token_service.ledger.store import Store
from token_service.ledger.tables import members
from token_service.ledger.users import add_user, remove_user
from token_service.pages.devices import device_name
from token_service.pages.signing_in import client_address


def rows(town: Town, table) -> list:
    with town.context.store.read() as connection:
        return list(connection.execute(select(table)))


def test_a_member_signs_in_with_the_code_from_the_mail(town: Town, alice: Browser) -> None:
    town.member()
    answer = alice.sign_in(town)
    assert (answer.status_code, answer.location) == (303, "/wallet")
    assert "Alice" in alice.get("/wallet").text


def test_capitals_and_spaces_in_the_address_do_not_matter(town: Town, alice: Browser) -> None:
    town.member("Alice.B@Example.com")
    assert alice.sign_in(town, "  alice.b@EXAMPLE.com ").location == "/wallet"


def test_known_and_unknown_addresses_get_the_same_answers(town: Town, alice: Browser, bob: Browser) -> None:
    town.member("alice@example.com")
    known, unknown = alice.post("/sign-in", email="alice@example.com"), bob.post("/sign-in", email="carol@example.com")
    assert (known.status_code, known.location, known.data) == (unknown.status_code, unknown.location, unknown.data)
    assert [name for name, _ in known.headers] == [name for name, _ in unknown.headers]
    pairs = [(browser.get("/sign-in/code"), name) for browser, name in ((alice, "alice"), (bob, "carol"))]
    assert pairs[0][0].text.replace("alice@", "@") == pairs[1][0].text.replace("carol@", "@")
    wrong = [browser.post("/sign-in/code", code="000000") for browser in (alice, bob)]
    assert wrong[0].text.replace("alice@", "@") == wrong[1].text.replace("carol@", "@")
    assert wrong[0].status_code == wrong[1].status_code == 422


def test_no_mail_goes_to_an_unknown_address(town: Town) -> None:
    town.member("alice@example.com")
    sent: list[pages.Mail] = []
    browser = Browser(counting(town, sent).test_client())
    browser.post("/sign-in", email="carol@example.com")
    assert sent == []
    browser.post("/sign-in", email="alice@example.com")
    assert [mail.recipient for mail in sent] == ["alice@example.com"]


@pytest.mark.parametrize(
    "email", ["", "alice", "@example.com", "a@b@c", "a b@example.com", "a@example.com\nBcc: x@y.z", "a@.com"]
)
def test_it_asks_again_for_what_is_no_address(alice: Browser, email: str) -> None:
    answer = alice.post("/sign-in", email=email)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_an_address_beyond_all_length_is_refused(alice: Browser) -> None:
    assert alice.post("/sign-in", email="a" * 250 + "@example.com").status_code == 422


def test_a_wrong_code_can_be_tried_five_times(town: Town, alice: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    right = town.code()
    wrong = "111111" if right != "111111" else "222222"
    texts = [alice.post("/sign-in/code", code=wrong).text for _ in range(5)]
    assert all("That is not the code" in text for text in texts[:4])
    assert "mistyped five times" in texts[4]
    assert alice.post("/sign-in/code", code=right).status_code == 422
    assert alice.get("/wallet").location == "/sign-in"


def test_what_is_not_six_digits_is_no_attempt(town: Town, alice: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    for code in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦") * 2:
        assert "Enter the six digits" in alice.post("/sign-in/code", code=code).text
    assert alice.post("/sign-in/code", code=town.code()).location == "/wallet"


def test_a_code_may_be_typed_with_a_space(town: Town, alice: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    code = town.code()
    assert alice.post("/sign-in/code", code=f" {code[:3]} {code[3:]} ").location == "/wallet"


def test_a_code_dies_after_ten_minutes(town: Town, alice: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    code = town.code()
    town.clock.move(timedelta(minutes=10))
    answer = alice.post("/sign-in/code", code=code)
    assert answer.status_code == 422
    assert "no longer valid" in answer.text


def test_a_code_works_once(town: Town, alice: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    ticket, code = alice.client.get_cookie("ticket"), town.code()
    alice.post("/sign-in/code", code=code)
    assert ticket is not None
    alice.client.set_cookie("ticket", ticket.value)
    assert alice.post("/sign-in/code", code=code).status_code == 422


def test_a_code_is_of_no_use_in_another_browser(town: Town, alice: Browser, bob: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    code = town.code()
    assert bob.post("/sign-in/code", code=code).status_code == 422
    bob.post("/sign-in", email="alice@example.com")
    assert bob.post("/sign-in/code", code=code).status_code == (303 if town.code() == code else 422)


def test_the_sixth_code_in_a_quarter_of_an_hour_is_refused_to_everybody_alike(town: Town, alice: Browser) -> None:
    town.member("alice@example.com")
    for email in ("alice@example.com", "carol@example.com"):
        assert [alice.post("/sign-in", email=email).status_code for _ in range(6)] == [303] * 5 + [429]
    assert len(kept_mails(town.context)) == 5
    town.clock.move(timedelta(minutes=15))
    assert alice.post("/sign-in", email="alice@example.com").status_code == 303


def test_one_client_cannot_ask_for_many_addresses(town: Town, alice: Browser) -> None:
    answers = [alice.post("/sign-in", email=f"a{n}@example.com").status_code for n in range(31)]
    assert answers == [303] * 30 + [429]


def test_an_address_gets_twenty_codes_a_day(town: Town, alice: Browser) -> None:
    answers = []
    for _ in range(21):
        answers.append(alice.post("/sign-in", email="alice@example.com").status_code)
        town.clock.move(timedelta(minutes=16))
    assert answers == [303] * 20 + [429]
    town.clock.move(timedelta(days=1))
    assert alice.post("/sign-in", email="alice@example.com").status_code == 303
    assert len(rows(town, sign_in_codes)) == 1, "old codes are deleted"


def test_neither_codes_nor_tokens_are_stored(town: Town) -> None:
    town.member()
    sent: list[pages.Mail] = []
    browser = Browser(counting(town, sent).test_client())
    browser.post("/sign-in", email="alice@example.com")
    ticket = browser.client.get_cookie("ticket")
    code = sent[0].subject[:6]
    browser.post("/sign-in/code", code=code)
    token = browser.client.get_cookie("session")
    assert ticket is not None
    assert token is not None
    stored = repr(rows(town, sign_in_codes)) + repr(rows(town, sessions))
    assert not any(secret in stored for secret in (ticket.value, token.value, f"'{code}'"))


def test_cookies_are_for_our_server_alone(town: Town, alice: Browser) -> None:
    town.member()
    asked = alice.post("/sign-in", email="alice@example.com").headers["Set-Cookie"]
    signed_in = [
        value
        for value in alice.post("/sign-in/code", code=town.code()).headers.getlist("Set-Cookie")
        if value.startswith("session=") and len(value) > 60
    ]
    for cookie in (asked, *signed_in):
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert len(signed_in) == 1


def test_over_https_cookies_are_bound_to_the_host(town: Town) -> None:
    town.member()
    client = town.app(base_url="https://points.example").test_client()
    answer = client.post(
        "/sign-in", data={"email": "alice@example.com"}, headers=ORIGIN, base_url="https://points.example"
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-ticket=")
    assert "Secure" in cookie.split("; ")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_several_cards_of_one_address_are_chosen_from(town: Town, alice: Browser) -> None:
    first, second = town.member(name="Alice"), town.member(name=None)
    other = town.member("bob@example.com", name="Bob")
    assert alice.sign_in(town).location == "/choose"
    assert alice.get("/wallet").location == "/choose"
    page = alice.get("/choose").text
    assert first in page
    assert second in page
    assert "Marché Central" in page
    assert alice.post("/choose", member=other).status_code == 404
    assert alice.post("/choose", member=first).location == "/wallet"
    assert "Alice" in alice.get("/wallet").text
    assert "Choose another card" in alice.get("/preferences").text
    assert alice.post("/choose", member=second).location == "/wallet"
    assert "Alice" not in alice.get("/wallet").text


def test_one_card_is_not_chosen_from(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    assert "another card" not in alice.get("/preferences").text


def test_signing_out_ends_the_session_for_good(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    token = alice.client.get_cookie("session")
    assert alice.post("/sign-out").location == "/sign-in"
    assert token is not None
    alice.client.set_cookie("session", token.value)
    assert alice.get("/wallet").location == "/sign-in"


def test_a_session_ends_after_thirty_days(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    town.clock.move(timedelta(days=30) - timedelta(seconds=1))
    assert alice.get("/wallet").status_code == 200
    town.clock.move(timedelta(seconds=1))
    assert alice.get("/wallet").location == "/sign-in"


def test_a_session_ends_with_the_members_address(town: Town, alice: Browser) -> None:
    member = town.member()
    alice.sign_in(town)
    with town.context.store.write() as connection:
        connection.execute(update(members).where(members.c.id == member).values(email="new@example.com"))
    assert alice.get("/wallet").location == "/sign-in"


def test_a_member_can_read_while_nobody_can_write(town: Town, alice: Browser) -> None:
    town.member()
    alice.sign_in(town)
    town.clock.move(timedelta(hours=1))
    store = Store(str(town.context.store.engine.url), busy_timeout_ms=50)
    reader = Browser(replace(town, context=replace(town.context, store=store)).app().test_client())
    token = alice.client.get_cookie("session")
    assert token is not None
    reader.client.set_cookie("session", token.value)
    with town.context.store.write():
        assert reader.get("/wallet").status_code == 200
    store.dispose()


def test_a_made_up_session_opens_nothing(alice: Browser) -> None:
    for token in ("", "x", "0" * 64, "0" * 3_000):
        alice.client.set_cookie("session", token)
        assert alice.get("/wallet").location == "/sign-in"


def test_devices_are_listed_and_can_be_signed_out(town: Town, alice: Browser, bob: Browser) -> None:
    town.member()
    alice.sign_in(town)
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    bob.client.environ_base["HTTP_USER_AGENT"] = agent
    bob.sign_in(town)
    page = alice.get("/preferences").text
    assert "Firefox · Linux" in page
    other = next(row.id for row in rows(town, sessions) if row.device == "Firefox · Linux")
    assert alice.post(f"/sessions/{other}/end").location == "/preferences"
    assert bob.get("/wallet").location == "/sign-in"
    assert alice.get("/wallet").status_code == 200


def test_nobody_ends_another_persons_session(town: Town, alice: Browser, bob: Browser) -> None:
    town.member("alice@example.com")
    town.member("bob@example.com", name="Bob")
    alice.sign_in(town)
    bob.sign_in(town, "bob@example.com")
    hers = next(row.id for row in rows(town, sessions) if row.email == "alice@example.com")
    assert bob.post(f"/sessions/{hers}/end").status_code == 404
    assert alice.get("/wallet").status_code == 200


def test_the_mailbox_exists_in_demonstrations_only(town: Town, alice: Browser) -> None:
    town.member()
    alice.post("/sign-in", email="alice@example.com")
    page = alice.get("/mailbox").text
    assert town.code() in page
    assert "demonstrations only" in page
    assert town.app(demo=False).test_client().get("/mailbox").status_code == 404


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (None, "unknown"),
        ("a unix socket", "unknown"),
    ],
)
def test_limits_count_households(remote: str | None, counted: str) -> None:
    assert client_address(remote) == counted


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1",
            "Safari · iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("curl/8.0", ""),
    ],
)
def test_a_device_is_named_in_two_words(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_somebody_of_a_company_signs_in_with_their_own_address_until_they_are_taken_off(town: Town) -> None:
    company = town.member("garage@example.com", name="Garage du Pont")
    lea = add_user(town.context, town.actor, company, "lea@example.com", "Léa")
    browser = Browser(town.app().test_client())
    browser.sign_in(town, "lea@example.com")
    assert "Garage du Pont" in browser.get("/wallet").text
    remove_user(town.context, town.actor, company, lea.id)
    assert browser.get("/wallet").status_code == 303
