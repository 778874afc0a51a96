"""The member says how many points may be used on each renewal, in the preferences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages_town import RULES, Browser, Town
from test_wallet_page import words

from token_service.ledger.context import Actor
from token_service.ledger.standing_orders import get_standing_order

BOX = "[{id: base, kind: spend, points: 1, per: 100}, {id: box, kind: subscription, points: 50}]"


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES.replace("[{id: base, kind: spend, points: 1, per: 100}]", BOX))


@pytest.fixture
def member(town: Town) -> str:
    return town.member()


@pytest.fixture
def alice(town: Town, member: str) -> Browser:
    browser = Browser(town.app().test_client())
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    browser.sign_in(town)
    browser.post("/preferences/language", language="en")
    return browser


def allowed(town: Town, member: str) -> int:
    return get_standing_order(town.context, Actor.member(member), member).points


def test_a_member_sets_it_and_ends_it(town: Town, member: str, alice: Browser) -> None:
    assert "Points on your subscriptions" in words(alice.get("/preferences").text)
    answer = alice.post("/preferences/renewals", points="1 200")
    assert (answer.status_code, answer.location) == (303, "/preferences?done=renewals")
    assert allowed(town, member) == 1_200
    page = alice.get("/preferences?done=renewals").text
    assert "Noted: up to 1,200 points on each renewal." in words(page)
    assert 'value="1200"' in page
    alice.post("/preferences/renewals", points="")
    assert allowed(town, member) == 0
    assert "no points are used on renewals" in words(alice.get("/preferences?done=renewals").text)


@pytest.mark.parametrize("typed", ["-5", "many", "1.5", "99999999999999999999", "²"])
def test_what_is_no_number_of_points_is_said_so_and_kept_to_be_mended(
    town: Town, member: str, alice: Browser, typed: str
) -> None:
    answer = alice.post("/preferences/renewals", points=typed)
    assert answer.status_code == 422
    assert "Give a number of points, such as 200." in words(answer.text)
    assert f'value="{typed}"' in answer.text
    assert allowed(town, member) == 0


def test_where_nothing_is_renewed_nobody_is_asked(make_town: Callable[[str], Town]) -> None:
    town = make_town(RULES)
    town.member()
    browser = Browser(town.app().test_client())
    browser.sign_in(town)
    assert "/preferences/renewals" not in browser.get("/preferences").text
