"""Points with an expiry of their own in words: in the rules, in what new rules change, and on the member's lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages_town import RULES, Browser, Town
from test_wallet_page import wallet

from token_service.pages.outside import speaking
from token_service.pages.rule_changes import changes_in_words
from token_service.pages.rules_in_words import in_words
from token_service.program.ruleset import parse_ruleset

WEEKEND = """
  - id: weekend
    name: {fr: Double week-end, en: Double weekend}
    until: 2026-12-31
    award: {multiplier_percent: 200, expiry: {kind: date, on: 2027-01-31}}
"""
OWN_RULES = RULES.replace("campaigns:\n", "campaigns:" + WEEKEND)
EVERY_KIND = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning:
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: cake, kind: event, event: member.birthday, points: 40, expiry: {kind: fixed, period: P30D}}
  - {id: quiz, kind: event, event: quiz.won, points: 4, expiry: {kind: fixed, period: P1M, round_to: month_end}}
  - {id: box, kind: subscription, points: 5, expiry: {kind: period_end, period: month}}
schedules: [{id: gift, every: month, points: 2, expiry: {kind: period_end, period: month, periods: 2}}]
memberships: [{id: club, price: 900, period: P1Y, points: 9, expiry: {kind: period_end, period: year}}]
challenges:
  - id: card
    count: {kind: orders}
    target: 2
    award: {points: 1, expiry: {kind: period_end, period: year, periods: 1}}
campaigns:
  - {id: gem, award: {points: 1, expiry: {kind: none}}}
  - {id: sale, until: 2026-12-31, award: {points: 1, expiry: {kind: date, on: 2027-01-31}}}
"""
IN_WORDS = {
    "en": [
        "Offer “Gem”: these points never expire.",
        "Offer “Sale”: these points can be used until 31 January 2027.",
        "Rule “Cake”: these points expire 30 days after they are earned.",
        "Rule “Quiz”: these points expire 1 month after they are earned, at the end of the month.",
        "Rule “Box”: these points expire at the end of the month in which they are earned.",
        "Membership “Club”: these points expire at the end of the year in which they are earned.",
        "Challenge “Card”: these points expire at the end of the year, 1 year after they are earned.",
        "Rule “Gift”: these points expire at the end of the month, 2 months after they are earned.",
    ],
    "fr": [
        "Offre « Gem » : ces points n’expirent jamais.",
        "Offre « Sale » : ces points s’utilisent jusqu’au 31 janvier 2027.",
        "Règle « Cake » : ces points expirent 30 jours après avoir été gagnés.",
        "Règle « Quiz » : ces points expirent 1 mois après avoir été gagnés, à la fin du mois.",
        "Règle « Box » : ces points expirent à la fin du mois où ils sont gagnés.",
        "Adhésion « Club » : ces points expirent à la fin de l’année où ils sont gagnés.",
        "Défi « Card » : ces points expirent à la fin de l’année, 1 an après avoir été gagnés.",
        "Règle « Gift » : ces points expirent à la fin du mois, 2 mois après avoir été gagnés.",
    ],
}


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(OWN_RULES)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_rules_say_until_when_such_points_can_be_used(language: str) -> None:
    with speaking(language):
        (chapter,) = in_words(parse_ruleset(EVERY_KIND), ("dates",))
    assert [plain(line.text) for line in chapter.lines] == IN_WORDS[language]


def test_rules_without_such_points_have_no_chapter_of_them() -> None:
    with speaking("en"):
        assert in_words(parse_ruleset(RULES), ("dates",)) == ()


def test_another_date_is_a_change_in_plain_words() -> None:
    old, new = (parse_ruleset(OWN_RULES.replace("2027-01-31", day)) for day in ("2027-01-31", "2027-03-31"))
    with speaking("en"):
        (change,) = changes_in_words(old, new)
    assert change.title == "Points with an expiry of their own"
    assert [plain(line.text) for line in change.gone] == [
        "Offer “Double weekend”: these points can be used until 31 January 2027."
    ]
    assert [plain(line.text) for line in change.new] == [
        "Offer “Double weekend”: these points can be used until 31 March 2027."
    ]


def test_each_part_of_a_purchase_is_a_line_with_its_own_date(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 2_300)
    alice.sign_in(town)
    text = plain(wallet(town, alice, path="/statement"))
    assert "Purchase of €23.00 · can be used until 31 January 2027" in text
    assert text.count("Purchase of €23.00") == 2
    assert "Achat de 23,00 € · utilisables jusqu’au 31 janvier 2027" in plain(wallet(town, alice, "fr", "/statement"))


def test_the_wallet_says_what_expires_when(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 2_300)
    alice.sign_in(town)
    text = plain(wallet(town, alice))
    assert "46" in text
    assert "22 January 2027" in text
    assert "your points × 2" in text
