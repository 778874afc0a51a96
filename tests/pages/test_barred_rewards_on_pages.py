"""Rewards that an account's state keeps from its member: the wallet and the till say in words why."""

from __future__ import annotations

from typing import Any

import pytest
from pages_town import Browser, Town
from sqlalchemy import update
from test_wallet_page import wallet
from till_counter import Counter, at_counter

from token_service.ledger import tables

REASONS = [
    ({"frozen": True}, "Not while the card is blocked.", "Pas tant que la carte est bloquée."),
    (
        {"state": "left"},
        "The points are in a wallet of their own: at the till, with its signature.",
        "Les points sont dans un portefeuille personnel : en caisse, avec sa signature.",
    ),
    ({"state": "leaving"}, "Not while the points are on their way.", "Pas tant que les points sont en route."),
]
PAUSED = "Not while the programme pauses: try again later."


@pytest.fixture
def member(town: Town, alice: Browser) -> str:
    made = town.member(name="Alice Martin")
    town.gift(made, 284)
    alice.sign_in(town)
    return made


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


def set_member(town: Town, member: str, values: dict[str, Any]) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(tables.members).where(tables.members.c.id == member).values(**values))


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(("values", "english", "french"), REASONS)
def test_the_wallet_calls_no_reward_within_reach_that_cannot_be_had(
    town: Town, alice: Browser, member: str, values: dict[str, Any], english: str, french: str
) -> None:
    set_member(town, member, values)
    text = wallet(town, alice, path="/rewards")
    assert english in text
    assert "within reach" not in text
    assert plain(french) in plain(wallet(town, alice, "fr", "/rewards"))


def test_the_wallet_says_that_the_programme_pauses(town: Town, alice: Browser, member: str) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(paused=True))
    assert PAUSED in wallet(town, alice, path="/rewards")
    assert PAUSED in wallet(town, alice, path="/rewards/free-coffee")
    assert 'name="form"' not in alice.get("/rewards/free-coffee").text, "nothing that would only be refused"


@pytest.mark.parametrize(("values", "english"), [(one[0], one[1]) for one in REASONS if one[0] != {"state": "left"}])
def test_the_till_offers_nothing_that_would_only_be_refused(
    town: Town, till: Counter, member: str, values: dict[str, Any], english: str
) -> None:
    set_member(town, member, values)
    page = till.look(f"/till/members/{member}").text
    assert english in page
    assert ">Give<" not in page


def test_the_till_still_asks_who_keeps_their_points_for_a_signature(town: Town, till: Counter, member: str) -> None:
    set_member(town, member, {"state": "left"})
    page = till.look(f"/till/members/{member}").text
    assert "signs for each use" in page
    assert ">Give<" in page
