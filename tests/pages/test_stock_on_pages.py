"""Stock and limits of rewards in words: few left, none left, had already; in the wallet and at the till."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages_town import RULES, Browser, Town
from till_counter import at_counter

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.redemptions import redeem
from token_service.ledger.stock import set_stock

ONCE = "  - {id: once, kind: digital, points: 50, name: {fr: Carnet, en: Booklet}, per_member: {times: 1}}\n"


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES.rstrip("\n") + "\n" + ONCE)


def page(browser: Browser, path: str, language: str = "en") -> str:
    """Its text, with plain spaces."""
    return browser.get(path, headers={"Accept-Language": language}).text.replace("\N{NO-BREAK SPACE}", " ")


def test_few_left_and_none_left(town: Town) -> None:
    member = town.member()
    town.gift(member, 200)
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    set_stock(town.context, Actor.admin(), "free-coffee", 40)
    assert "Only 40 left" not in page(alice, "/rewards")
    set_stock(town.context, Actor.admin(), "free-coffee", 3)
    assert "Only 3 left" in page(alice, "/rewards")
    assert "Plus que 3" in page(alice, "/rewards", "fr")
    set_stock(town.context, Actor.admin(), "free-coffee", 0)
    for path in ("/rewards", "/wallet", "/rewards/free-coffee"):
        assert "There is none left at the moment." in page(alice, path), path
    assert "There is none left at the moment." in at_counter(town).look(f"/till/members/{member}").text


def test_a_reward_that_was_had_says_so(town: Town) -> None:
    member = town.member()
    town.gift(member, 200)
    redeem(town.context, town.actor, NewRedemption(town.reference(), member, reward_id="once"))
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    assert "You have had it as often as each member can." in page(alice, "/rewards/once")


def test_the_rules_tell_the_limit(town: Town) -> None:
    said = page(Browser(town.app().test_client()), "/transparency")
    assert "Booklet: 50 points. Each member gets it once" in said
