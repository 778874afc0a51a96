"""Paid memberships in words: in the wallet, for the shop, for staff, in the rules and on offers for members only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from console_town import desk
from pages_town import RULES, Browser, Town
from till_counter import at_counter

from token_service.ledger.inputs import NewMembership, NewReversal
from token_service.ledger.memberships import refund_membership, sell_membership

MEMBERSHIPS = """memberships:
  - id: club
    name: {fr: Club des Halles, en: Market club}
    price: 2900
    period: P12M
    grace: P14D
    benefits: [lounge]
    multiplier_percent: 150
    points: 100
"""
REWARDS = """
  - {id: dinner, kind: experience, points: 90, name: {fr: Dîner, en: Dinner}, memberships: [club]}
  - id: sale
    kind: gift
    points: 90
    name: {fr: Soldes, en: Sale}
    from: 2026-12-24
    early_days: {club: 3}
    levels: [gold]
    memberships: [club]
"""


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    rules = RULES.replace("challenges:\n", MEMBERSHIPS + "challenges:\n").rstrip("\n") + REWARDS
    named = "benefits: [{id: lounge, name: {fr: Salon, en: Lounge}}, "
    return make_town(rules.replace("benefits: [{id: free-delivery,", named + "{id: free-delivery,"))


def sell(town: Town, member: str) -> str:
    return sell_membership(town.context, town.actor, NewMembership(town.reference(), "club", member_id=member)).value.id


def page(browser: Browser, path: str, language: str = "en") -> str:
    """Its text, with plain spaces."""
    return browser.get(path, headers={"Accept-Language": language}).text.replace("\N{NO-BREAK SPACE}", " ")


def wallet_of(town: Town) -> Browser:
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    return alice


def test_the_wallet_says_until_when_it_is_paid_and_what_it_brings(town: Town) -> None:
    sell(town, town.member())
    alice = wallet_of(town)
    english, french = page(alice, "/wallet"), page(alice, "/wallet", "fr")
    for words in (
        "Market club",
        "paid until 22 November 2027",
        "Comes with the membership Market club",
        "<span>Membership “Market club”",
    ):
        assert words in english, words
    for words in (
        "Club des Halles",
        "payée jusqu’au 22 novembre 2027",
        "Salon",
        "Vient avec l’adhésion Club des Halles",
    ):
        assert words in french, words


def test_in_the_grace_it_asks_to_be_renewed(town: Town) -> None:
    sell(town, town.member())
    town.clock.move(timedelta(days=370))
    assert "ended on 22 November 2027, to be renewed" in page(wallet_of(town), "/wallet")


def test_a_purchase_says_what_the_membership_added(town: Town) -> None:
    member = town.member()
    sell(town, member)
    town.purchase(member, 1_000)
    assert "Membership “Market club”: your points × 1.5" in page(wallet_of(town), "/wallet")


def test_rewards_of_members_say_so(town: Town) -> None:
    member = town.member()
    alice = wallet_of(town)
    said = page(alice, "/rewards")
    assert "Only with this membership: Market club" in said
    assert "Only with one of: Gold, Market club" in said
    sell(town, member)
    said = page(alice, "/rewards")
    assert "Only with" not in said
    assert "To be had from 21 December 2026 on" in said


def test_the_rules_in_words_tell_price_and_dates(town: Town) -> None:
    said = page(Browser(town.app().test_client()), "/transparency")
    for words in (
        "Market club: €29.00 for 12 months. It brings: Lounge. Points of purchases: × 1.5. Each period gives 100 points.",
        "It is kept for 14 days after its end.",
        "With the membership Market club, 3 days earlier",
    ):
        assert words in said, words


def test_the_till_names_level_and_membership(town: Town) -> None:
    member = town.member()
    sell(town, member)
    assert "Silver, Market club" in at_counter(town).look(f"/till/members/{member}").text


def test_staff_read_what_was_bought_and_refunded(town: Town) -> None:
    member = town.member()
    sold = sell(town, member)
    refund_membership(town.context, town.actor, sold, NewReversal(town.reference(), reason="moved away"))
    said = desk(town, "support").read(f"/console/members/{member}")
    for words in ("Membership “Market club”", "moved away"):
        assert words in said, words
