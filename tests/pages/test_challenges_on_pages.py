"""Challenges in words: stamps and badges in the wallet, what a purchase completes at the till, for staff, and in the rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_town import desk
from pages_town import RULES, Browser, Town
from till_counter import at_counter

from token_service.ledger.context import Actor
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent, NewItem, NewRefund, NewRefundItem
from token_service.ledger.refunds import refund_purchase
from token_service.ledger.vouchers import list_vouchers
from token_service.pages.challenge_words import challenge_in_words
from token_service.program.ruleset import check_ruleset, parse_ruleset

MORE = """
  - {id: spree, count: {kind: spend}, target: 10000, period: month, repeat: always, award: {points: 50}, until: 2026-12-31}
  - {id: autumn, count: {kind: orders}, target: 2, until: 2026-11-01, award: {points: 5}}
  - {id: winter, count: {kind: orders}, target: 20, from: 2026-12-21, award: {points: 5}}
"""


def with_more(rules: str) -> str:
    return rules.replace(
        "expiry: {kind: fixed, period: P2M}", MORE.strip("\n") + "\nexpiry: {kind: fixed, period: P2M}"
    )


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(with_more(RULES))


def coffees(town: Town, member: str, pieces: int) -> str:
    item = NewItem(line=1, category="coffee", quantity=pieces, amount=250 * pieces)
    return town.purchase(member, 250 * pieces, items=(item,)).id


def review(town: Town, member: str) -> None:
    send_event(town.context, town.actor, NewEvent(town.reference(), "review.written", town.context.now(), member))


def signed_in(town: Town) -> Browser:
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    return alice


def page(browser: Browser, path: str, language: str = "en") -> str:
    """Its text, with plain spaces."""
    return browser.get(path, headers={"Accept-Language": language}).text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_wallet_shows_stamps_and_what_they_lead_to(town: Town) -> None:
    coffees(town, town.member(), 3)
    said = page(signed_in(town), "/wallet")
    assert said.count('class="stamp there"') == 3
    assert said.count('class="stamp"') == 2 + 2, "two of the coffee card, two of the golden pen"
    for words in ("Coffee card", "5 × coffee", "3 of 5", "a voucher: A free coffee"):
        assert words in said, words


def test_the_page_has_all_of_them_in_both_languages(town: Town) -> None:
    coffees(town, town.member(), 3)
    alice = signed_in(town)
    english, french = page(alice, "/challenges"), page(alice, "/challenges", "fr")
    for words in ("€100 spent in a month", "€7.50 of €100.00", "until 31 December 2026", "begins on 21 December 2026"):
        assert words in english, words
    assert "Autumn" not in english, "over, and nothing came of it"
    for words in ("Vos défis", "Carte café", "3 sur 5", "un bon : Café offert", "d’achats en un mois"):
        assert words in french, words


def test_a_voucher_that_was_won_is_shown_without_a_line_of_the_statement(town: Town) -> None:
    member = town.member()
    bought = coffees(town, member, 5)
    alice = signed_in(town)
    said = page(alice, "/vouchers")
    assert "won on 22 November 2026, not used yet" in said
    assert ">1 time<" in page(alice, "/challenges")
    back = NewRefund(town.reference(), None, items=(NewRefundItem(1, 1),))
    refund_purchase(town.context, town.actor, bought, back)
    assert "what it was given for was refunded" in page(alice, "/vouchers")
    assert ">1 time<" not in page(alice, "/challenges")


def test_a_badge_has_its_name_and_its_day(town: Town) -> None:
    member = town.member()
    for _ in range(2):
        review(town, member)
    said = page(signed_in(town), "/challenges")
    assert "Your badges" in said
    assert "Golden pen" in said
    assert ">done<" in said


def test_points_of_a_challenge_are_a_line_of_the_statement(town: Town) -> None:
    town.purchase(town.member(), 10_000)
    said = page(signed_in(town), "/wallet")
    assert "<span>Challenge completed: Spree" in said, "its title, not only the reason"
    assert said.count("Challenge completed: Spree") > 2


def test_the_rules_in_words_tell_each_challenge(town: Town) -> None:
    said = page(Browser(town.app().test_client()), "/transparency")
    assert "“Coffee card”: a voucher: A free coffee for 5 × coffee, each time anew." in said
    assert "“Golden pen”: a badge for 2 × Review written." in said


def test_the_till_says_what_a_purchase_completes(town: Town) -> None:
    member = town.member()
    coffees(town, member, 4)
    bought = coffees(town, member, 1)
    said = at_counter(town).look(f"/till/operations/{bought}").text
    assert "“Coffee card” is complete: a voucher: A free coffee." in said


def test_the_till_says_that_a_voucher_was_won(town: Town) -> None:
    member = town.member()
    coffees(town, member, 5)
    code = list_vouchers(town.context, Actor.member(member))[0].code
    said = at_counter(town).browser.post("/till/find", code=str(code)).text
    assert "Won on" in said
    assert "for 0 points" not in said


def test_staff_read_what_was_won_and_lost(town: Town) -> None:
    member = town.member()
    bought = coffees(town, member, 5)
    review(town, member)
    review(town, member)
    refund_purchase(town.context, town.actor, bought, NewRefund(town.reference(), None, items=(NewRefundItem(1, 5),)))
    said = desk(town, "support").read(f"/console/members/{member}")
    for words in (
        "Challenge completed: Coffee card",
        "a voucher: A free coffee",
        "a badge",
        "A challenge or a membership has ended",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        ("count: {kind: streak, every: week}, target: 4, award: {points: 9, badge: true}",
         "“One”: 9 points and a badge for a purchase in 4 weeks in a row."),
        ("count: {kind: streak, every: month}, target: 3, award: {points: 1}", "1 point for a purchase in 3 months in a row."),
        ("count: {kind: streak, every: quarter}, target: 2, award: {points: 1}", "in 2 quarters in a row"),
        ("count: {kind: streak, every: year}, target: 1, award: {points: 1}", "for a purchase in 1 year."),
        ("count: {kind: visits}, target: 3, period: week, award: {points: 1}", "for 3 days with a purchase in a week."),
        ("count: {kind: orders}, target: 1, period: quarter, award: {points: 1}", "for 1 purchase in a quarter."),
        ("count: {kind: orders}, target: 2, period: year, award: {points: 1}", "for 2 purchases in a year."),
        ("count: {kind: events, event: door.opened}, target: 2, award: {points: 1}", "for 2 × Door opened."),
    ],
)  # fmt: skip
def test_each_kind_has_its_sentence(town: Town, challenge: str, words: str) -> None:
    rules = parse_ruleset(RULES.replace("challenges:\n", f"challenges:\n  - {{id: one, {challenge}}}\n"))
    assert check_ruleset(rules) == []
    with town.app().test_request_context("/", headers={"Accept-Language": "en"}):
        assert words in challenge_in_words(rules.challenges[0], rules)
