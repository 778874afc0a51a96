"""Giving points to a cause in the wallet: said before and after, once, and never more than there is."""

from __future__ import annotations

import re

import pytest
from pages_town import Browser, Town

from token_service.ledger.balances import get_balance
from token_service.ledger.causes import close_cause, create_cause
from token_service.ledger.context import Actor


@pytest.fixture
def member(town: Town, alice: Browser) -> str:
    """Alice, signed in, with 284 points."""
    made = town.member()
    town.gift(made, 284)
    alice.sign_in(town)
    return made


@pytest.fixture
def cause(town: Town) -> str:
    return create_cause(town.context, Actor.admin(), "Food bank").id


def form_on(page: str) -> str:
    found = re.search(r'name="form" value="([0-9a-f]{32})"', page)
    assert found is not None
    return found[1]


def points(town: Town, member: str) -> int:
    return get_balance(town.context, Actor.member(member), member).available


def test_rewards_lead_there_once_there_is_somebody_to_give_to(town: Town, alice: Browser, member: str) -> None:
    assert 'href="/give"' not in alice.get("/rewards").text
    assert "There is nobody to give points to yet." in alice.get("/give").text
    create_cause(town.context, Actor.admin(), "Food bank")
    assert 'href="/give"' in alice.get("/rewards").text
    assert "Food bank" in alice.get("/give").text


def test_points_are_given_once_and_stand_in_the_statement_and_in_public(
    town: Town, alice: Browser, member: str, cause: str
) -> None:
    page = alice.get(f"/give/{cause}").text
    assert "cannot be taken back" in page
    form = form_on(page)
    first, again = (alice.post(f"/give/{cause}", form=form, points="1 00") for _ in range(2))
    assert first.status_code == 303
    assert again.location == first.location
    assert points(town, member) == 184
    line = alice.get(first.location).text
    for said in ("Donation", "Food bank"):
        assert said in line
    assert "100 points" in " ".join(alice.get("/give").text.split())
    assert "What members gave away" in alice.get("/transparency").text


@pytest.mark.parametrize("typed", ["", "1.5", "-3", "many", "0", "9" * 20])
def test_what_is_no_number_is_said_beside_its_field(alice: Browser, member: str, cause: str, typed: str) -> None:
    answer = alice.post(f"/give/{cause}", form="0" * 32, points=typed)
    assert answer.status_code == 422
    assert "Enter a whole number of points" in answer.text
    assert 'aria-describedby="points-error"' in answer.text


def test_too_many_are_refused_with_what_is_missing(town: Town, alice: Browser, member: str, cause: str) -> None:
    answer = alice.post(f"/give/{cause}", form="0" * 32, points="300")
    assert answer.status_code == 409
    assert "You have 16 points too few." in answer.text
    assert points(town, member) == 284


def test_a_form_sent_again_with_another_number_gives_nothing_more(
    town: Town, alice: Browser, member: str, cause: str
) -> None:
    alice.post(f"/give/{cause}", form="0" * 32, points="10")
    answer = alice.post(f"/give/{cause}", form="0" * 32, points="20")
    assert answer.status_code == 409
    assert points(town, member) == 274


def test_a_closed_cause_and_one_that_is_not_there_take_nothing(
    town: Town, alice: Browser, member: str, cause: str
) -> None:
    close_cause(town.context, Actor.admin(), cause)
    assert "takes no more points" in alice.get("/give").text
    assert 'name="points"' not in alice.get(f"/give/{cause}").text
    assert alice.post(f"/give/{cause}", form="0" * 32, points="10").status_code == 409
    assert alice.get("/give/cau_nothing").status_code == 404
    assert alice.post(f"/give/{cause}", form="x", points="10").status_code == 404
    assert points(town, member) == 284
