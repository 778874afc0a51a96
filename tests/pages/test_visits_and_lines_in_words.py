"""Points with visits and campaigns for some lines, in a reader's words: the rules, and a breakdown; English and French."""

from __future__ import annotations

import pytest
from pages_town import Town

from token_service.pages.breakdown import explained
from token_service.pages.rules_in_words import in_words
from token_service.pages.staff.till.purchase_form import taxes_count
from token_service.program.earning import Line
from token_service.program.ruleset import parse_ruleset

TEXT = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning:
  - {id: hello, kind: visit, points: 1}
  - {id: tenth, kind: visit, points: 50, every: 10}
campaigns:
  - {id: double-coffee, award: {multiplier_percent: 200, items: {categories: [COFFEE], skus: [JAM]}}}
  - {id: beans, award: {points: 2, per: 100, items: {skus: [BEANS]}}}
  - {id: goods, award: {points: 1, per: 500, basis: goods}}
  - {id: untaxed, award: {points: 1, per: 500, basis: net}}
  - {id: treat, award: {voucher: coffee}}
  - {id: regular, award: {badge: true}}
rewards: [{id: coffee, kind: gift, points: 5}]
"""
RULES = parse_ruleset(TEXT)
LINES = [Line(one, 5, "") for one in ("hello", "tenth", "double-coffee", "beans", "goods")]
IN_WORDS = {
    "en": [
        "1 point for each visit",
        "50 points with every 10 visits",
        "Offer “Double coffee”: points × 2 on: COFFEE, JAM.",
        "Offer “Beans”: in addition, 2 points for every €1 spent on: BEANS.",
        "Offer “Goods”: in addition, 1 point for every €5 spent. Delivery is not counted.",
        "Offer “Untaxed”: in addition, 1 point for every €5 spent. Tax is not counted.",
        "Offer “Treat”: a voucher with each purchase: Coffee.",
        "Offer “Regular”: a badge.",
    ],
    "fr": [
        "1 point par visite",
        "50 points toutes les 10 visites",
        "Offre « Double coffee » : points × 2 sur : COFFEE, JAM.",
        "Offre « Beans » : en plus, 2 points par tranche de 1 € dépensée en : BEANS.",
        "Offre « Goods » : en plus, 1 point par tranche de 5 € dépensée. La livraison ne compte pas.",
        "Offre « Untaxed » : en plus, 1 point par tranche de 5 € dépensée. Les taxes ne comptent pas.",
        "Offre « Treat » : un bon à chaque achat : Coffee.",
        "Offre « Regular » : un badge.",
    ],
}
TOLD = {
    "en": [
        "1 point for each visit",
        "50 points with every 10 visits",
        "Offer “Double coffee”: your points × 2 on: COFFEE, JAM",
        "Offer “Beans”: 2 points for every €1 spent on: BEANS",
        "Offer “Goods”: 1 point for every €5 spent",
    ],
    "fr": [
        "1 point par visite",
        "50 points toutes les 10 visites",
        "Offre « Double coffee » : vos points × 2 sur : COFFEE, JAM",
        "Offre « Beans » : 2 points par tranche de 1 € dépensée en : BEANS",
        "Offre « Goods » : 1 point par tranche de 5 € dépensée",
    ],
}


def plain(text: str) -> str:
    """With ordinary spaces for those that don't break."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_rules_tell_of_visits_and_of_lines(town: Town, language: str) -> None:
    with town.app().test_request_context("/", headers={"Accept-Language": language}):
        said = [plain(line.text) for chapter in in_words(RULES) for line in chapter.lines]
    assert [one for one in said if one in IN_WORDS[language]] == IN_WORDS[language], said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_breakdown_tells_which_lines_an_offer_was_for(town: Town, language: str) -> None:
    with town.app().test_request_context("/", headers={"Accept-Language": language}):
        assert [plain(one.text) for one in explained(LINES, RULES)] == TOLD[language]


def test_a_till_asks_for_the_tax_when_an_offer_counts_without_it() -> None:
    assert taxes_count(RULES)
    assert not taxes_count(parse_ruleset(TEXT.replace("basis: net", "basis: gross")))
