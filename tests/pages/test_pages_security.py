"""What keeps the pages closed: headers, foreign forms, and every page shut unless said otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from pages_town import Browser, Town

from token_service.ledger.store import Store
from token_service.pages.blueprint import CHOOSING, PUBLIC

FORMS = [
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/choose",
    "/language",
    "/preferences/language",
    "/preferences/renewals",
    "/sessions/ses_1/end",
]


def test_every_answer_carries_the_headers(town: Town, alice: Browser) -> None:
    for path in ("/", "/sign-in", "/wallet", "/mailbox", "/nowhere", "/assets/paper.css"):
        headers = alice.get(path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]


def test_pages_are_not_kept_and_files_with_a_version_are(town: Town, alice: Browser) -> None:
    page = alice.get("/sign-in")
    assert page.headers["Cache-Control"] == "no-store"
    assert {"Accept-Language", "Cookie"} <= set(page.vary)
    address = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert alice.get(address).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in alice.get("/assets/paper.css").headers["Cache-Control"]


def test_pages_hold_no_script_or_style_of_their_own(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 3990)
    alice.sign_in(town)
    for path in ("/sign-in", "/sign-in/code", "/wallet", "/preferences", "/mailbox", "/nowhere"):
        text = alice.get(path).text
        assert "style=" not in text
        assert "<style" not in text
        assert "<script>" not in text
        assert " on" + "click" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_form_from_elsewhere_is_refused(alice: Browser, path: str, headers: dict[str, str]) -> None:
    assert alice.client.post(path, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}])
def test_our_own_form_is_taken(alice: Browser, headers: dict[str, str]) -> None:
    assert alice.client.post("/sign-in", data={"email": "a@example.com"}, headers=headers).status_code == 303


def test_behind_a_proxy_the_public_origin_is_our_own(town: Town) -> None:
    client = town.app(base_url="https://points.example").test_client()
    answer = client.post("/sign-in", data={"email": "a@example.com"}, headers={"Origin": "https://points.example"})
    assert answer.status_code == 303


def test_every_page_is_closed_to_strangers_unless_listed(town: Town) -> None:
    app: Flask = town.app()
    client = app.test_client()
    closed = 0
    for rule in app.url_map.iter_rules():
        name = rule.endpoint.removeprefix("pages.")
        if not rule.endpoint.startswith("pages.") or name in PUBLIC:
            continue
        path = rule.rule.replace("<entry_id>", "ent_1").replace("<session_id>", "ses_1")
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        answer = client.open(path, method=method, headers={"Sec-Fetch-Site": "same-origin"})
        assert (answer.status_code, answer.location) == (303, "/sign-in"), rule
        closed += 1
    assert closed >= 8
    assert CHOOSING.isdisjoint(PUBLIC)


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_no_page_leads_elsewhere(town: Town, alice: Browser, target: str) -> None:
    town.member()
    assert alice.post("/language", language="fr", back=target).location == "/"
    assert alice.client.get("/sign-in", query_string={"next": target}).status_code == 200
    alice.client.post(
        "/sign-in", data={"email": "alice@example.com", "next": target}, headers={"Sec-Fetch-Site": "none"}
    )
    assert alice.post("/sign-in/code", code=town.code(), next=target).location == "/wallet"


def test_what_a_merchant_or_member_wrote_is_text_and_nothing_else(town: Town, alice: Browser) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    town.gift(town.member(name=evil), 5, reason=evil)
    alice.sign_in(town)
    text = alice.get("/wallet").text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_an_unknown_page_says_so_in_our_own_words(alice: Browser) -> None:
    answer = alice.get("/nowhere", headers={"Accept-Language": "fr"})
    assert answer.status_code == 404
    assert "Cette page n’existe pas" in answer.text
    assert 'lang="fr"' in answer.text


def test_a_program_that_asks_nowhere_is_not_told_a_page(alice: Browser) -> None:
    del alice.client.environ_base["HTTP_ACCEPT"]
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        assert "Content-Security-Policy" not in alice.get("/nowhere", headers=accept).headers


def test_an_accident_is_told_without_its_particulars(town: Town, alice: Browser) -> None:
    app = town.app()
    town.context.store.engine.dispose()
    with town.context.store.write() as connection:
        connection.exec_driver_sql("drop table sessions")
    client = app.test_client()
    client.set_cookie("session", "0" * 64)
    answer = client.get("/wallet")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "sessions" not in answer.text


def test_a_busy_database_is_told_to_come_back(town: Town, alice: Browser) -> None:
    store = Store(str(town.context.store.engine.url), busy_timeout_ms=50)
    impatient = replace(town, context=replace(town.context, store=store))
    with town.context.store.write():
        answer = Browser(impatient.app().test_client()).post("/sign-in", email="alice@example.com")
    store.dispose()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "Back in a moment" in answer.text


@pytest.mark.parametrize("path", ["/vouchers/%00", "/wallet/entries/a%00", "/wallet?cursor=%00", "/wallet?a=b&a=%00"])
def test_the_character_that_postgresql_cannot_look_for_is_nowhere(town: Town, alice: Browser, path: str) -> None:
    town.member()
    alice.sign_in(town)
    assert alice.get(path).status_code == 404


def test_a_form_with_that_character_is_refused_before_anything_is_asked(alice: Browser) -> None:
    for path in ("/sign-in", "/staff/sign-in"):
        assert alice.post(path, email="alice\0@example.com", password="quite a long one").status_code == 404
