"""What a member was told: at the top of the wallet until it is read, on a page of its own, and in the console."""

from __future__ import annotations

from datetime import timedelta

from pages_town import START, Browser, Town
from staff_people import hire, signed_in
from test_wallet_page import wallet, words

from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.notice_lists import list_of_member, mark_seen

NEWS = "New for you You have reached the level Gold. I have read this"


def newest(town: Town, member: str) -> str:
    return list_of_member(town.context, town.actor, member).page[0].id


def test_a_new_level_is_told_until_the_member_has_read_it(town: Town, alice: Browser) -> None:
    member = town.member()
    assert "New for you" not in wallet(town, alice)
    town.purchase(member, 120_000)
    assert NEWS in wallet(town, alice)
    assert "Du nouveau pour vous Vous avez atteint le niveau Or. J’ai lu" in wallet(town, alice, "fr")
    answer = alice.post("/notices/seen", newest=newest(town, member))
    assert (answer.status_code, answer.location) == (303, "/wallet")
    assert "New for you" not in wallet(town, alice)
    assert "You have reached the level Gold. 22 November 2026" in wallet(town, alice, path="/notices")


def test_nothing_was_told_yet(town: Town, alice: Browser) -> None:
    town.member()
    assert "What we told you Nothing yet. When your level changes" in wallet(town, alice, path="/notices")


def test_what_ends_soon_is_news_while_it_still_holds(town: Town, alice: Browser) -> None:
    member = town.member()
    town.purchase(member, 120_000)
    mark_seen(town.context, Actor.member(member), newest(town, member))
    town.clock.at = START + timedelta(days=280)
    run_due(town.context)
    assert "New for you Gold ends on 22 November 2027." in wallet(town, alice)
    town.purchase(member, 110_000)
    assert "New for you" not in wallet(town, alice)
    assert "Gold ends on 22 November 2027. new" in wallet(town, alice, path="/notices")


def test_points_that_expire_are_news(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 5_000)
    town.clock.at = START + timedelta(days=40)
    run_due(town.context)
    assert "New for you 50 points expire on 22 January 2027." in wallet(town, alice)


def test_another_members_notice_cannot_be_marked(town: Town, alice: Browser) -> None:
    town.member()
    other = town.member(email="bob@example.net")
    town.purchase(other, 120_000)
    alice.sign_in(town)
    assert alice.post("/notices/seen", newest=newest(town, other)).status_code == 404
    assert alice.post("/notices/seen").status_code == 404


def test_the_console_shows_what_the_member_was_told(town: Town) -> None:
    member = town.member()
    town.purchase(member, 120_000)
    person = signed_in(town, hire(town, "support", locale="en"), town.app())
    assert "What the member was told You have reached the level Gold. not read" in words(
        person.get(f"/console/members/{member}").text
    )
