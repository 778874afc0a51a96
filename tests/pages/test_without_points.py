"""A club: a paid membership and benefits, and no points at all. No page speaks of points."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pages_town import Browser, Town
from till_counter import at_counter
from werkzeug.test import TestResponse

from token_service.ledger.benefits import get_benefit
from token_service.ledger.inputs import NewMembership
from token_service.ledger.memberships import sell_membership
from token_service.program.ruleset import parse_ruleset

CLUB = (Path(__file__).parents[2] / "examples/club.yaml").read_text()


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(CLUB)


@pytest.fixture
def member(town: Town) -> str:
    """Somebody who paid for a year and bought something."""
    made = town.member(name="Alice Martin")
    sell_membership(town.context, town.actor, NewMembership("year", "circle", made))
    town.purchase(made, 60_000)
    return made


def words(answer: TestResponse) -> str:
    """What can be read on the page: attributes and addresses of files left out."""
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


def said_of_points(page: str) -> list[str]:
    """Where the page speaks of points; a checkpoint of the register is no such thing."""
    return re.findall(r".{0,60}\bpoints?\b(?! de contrôle).{0,40}", page, re.IGNORECASE)


def wallet(town: Town) -> Browser:
    client: FlaskClient = town.app().test_client()
    alice = Browser(client)
    alice.sign_in(town)
    return alice


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_members_pages_say_nothing_of_points(town: Town, member: str, language: str) -> None:
    """ "Points programme, paid membership, exclusive benefits": the three kinds, alone or together."""
    alice = wallet(town)
    for path in ("/wallet", "/card", "/transparency", "/preferences", "/vouchers", "/challenges"):
        page = words(alice.get(path, headers={"Accept-Language": language}))
        assert said_of_points(page) == [], path


def test_the_wallet_shows_the_membership_the_level_and_what_they_bring(town: Town, member: str) -> None:
    page = words(wallet(town).get("/wallet", headers={"Accept-Language": "en"}))
    for said in ("Your card", "The Circle", "paid until", "Regular", "Free delivery", "Thursday tastings"):
        assert said in page, said


def test_the_rules_in_words_are_whole_without_points(town: Town, member: str) -> None:
    page = words(Browser(town.app().test_client()).get("/transparency", headers={"Accept-Language": "en"}))
    for said in (
        "Members have what their level or their membership brings.",
        "The Circle: €49.00 for 12 months.",
        "Regular: from €500",
    ):
        assert said in page, said


def test_a_purchase_at_the_till_is_recorded_without_a_word_of_points(town: Town, member: str) -> None:
    till = at_counter(town)
    english = {"Accept-Language": "en"}
    for path in ("/till", f"/till/members/{member}", "/till/day"):
        page = words(till.browser.get(path, headers=english))
        assert said_of_points(page) == [], path
    looked = till.look(f"/till/members/{member}/purchase", total="12,00")
    receipt = till.confirm(looked)
    for answer in (looked, receipt):
        assert said_of_points(words(answer)) == []


def test_who_has_points_from_earlier_rules_still_sees_them(town: Town, member: str) -> None:
    town.gift(member, 30)
    page = words(wallet(town).get("/wallet", headers={"Accept-Language": "en"}))
    assert "Your points 30" in page


def test_levels_and_benefits_come_as_with_points(town: Town, member: str) -> None:
    assert get_benefit(town.context, town.actor, member, "tastings").granted
    assert parse_ruleset(CLUB).earning == ()
