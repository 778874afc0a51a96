"""Limits of challenges in words: in the rules, on the till when nothing is left, in a breakdown, for staff."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_town import desk
from pages_town import RULES, Browser, Town
from till_counter import at_counter

from token_service.ledger.inputs import NewItem
from token_service.pages.breakdown import explained
from token_service.program.earning import Line
from token_service.program.ruleset import parse_ruleset

CARD = "    award: {reward: free-coffee}\n  - id: critic"
LIMITED = CARD.replace("coffee}\n", "coffee}\n    limits: {budget_vouchers: 1, per_member: {times: 2, every: P7D}}\n")


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    assert CARD in RULES
    return make_town(RULES.replace(CARD, LIMITED))


def five_coffees(town: Town, member: str) -> str:
    return town.purchase(member, 1_250, items=(NewItem(line=1, category="coffee", quantity=5, amount=1_250),)).id


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("There is one voucher in all.", "Each member gets it 2 times in 7 days at the most.")),
        ("fr", ("Il y a un seul bon en tout.", "Chaque membre en profite 2 fois au plus en 7 jours.")),
    ],
)
def test_the_rules_in_words_tell_the_limits_of_a_challenge(town: Town, language: str, words: tuple[str, ...]) -> None:
    browser = Browser(town.app().test_client())
    said = browser.get("/transparency", headers={"Accept-Language": language}).text.replace("\N{NO-BREAK SPACE}", " ")
    for one in words:
        assert one in said, one


def test_till_and_console_say_that_nothing_was_left_to_give(town: Town) -> None:
    first, second = town.member(), town.member()
    five_coffees(town, first)
    bought = five_coffees(town, second)
    said = at_counter(town).look(f"/till/operations/{bought}").text
    assert "“Coffee card” is complete; a limit leaves nothing to give for it." in said
    story = desk(town, "support").read(f"/console/members/{second}")
    assert "Challenge completed: Coffee card" in story
    assert "earned nothing" in story
    assert "a badge" not in story


def test_a_breakdown_tells_which_limit_it_was(town: Town) -> None:
    named = "limit:challenge:coffee-card"
    lines = (
        Line(named, -30, "at most 100 points for this challenge, 20 of them left"),
        Line(named, 0, "at most 1 voucher for this, none of them left"),
        Line(named, 0, "at most 2 times a member in P7D"),
    )
    with town.app().test_request_context("/", headers={"Accept-Language": "en"}):
        said = [one.text for one in explained(lines, parse_ruleset(RULES.replace(CARD, LIMITED)))]
    assert said == [
        "Coffee card: all the points set aside for it are given",
        "Coffee card: all the vouchers set aside for it are given",
        "Coffee card: you have had it as often as each member can",
    ]
