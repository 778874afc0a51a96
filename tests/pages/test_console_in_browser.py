"""The console in Chromium: phone and desktop, both languages, light and dark, without JavaScript; axe-core finds nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from pages_browsing import DESKTOP, LOOKS, PHONE, Site, complaints
from pages_settled import Settled, settled_town
from playwright.sync_api import Page, expect
from staff_people import hire

from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.proposals import propose_adjustment
from token_service.ledger.staff_sessions import open_staff_session

TARGETS = (
    ".button, .link-button, .crumb, .in-table, summary, select, textarea, .option, .side a, .pages a, "
    "input[type=text], input[type=search], input[type=email], input[type=datetime-local]"
)
"""What is touched on the console's pages."""
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """A deployment of this file's own: members with half of all points there can be would leave others none."""
    with settled_town(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def owner(site: Site) -> list[Any]:
    """The cookies of an owner."""
    town, token = site.settled.town, "7" * 64
    person = hire(town, "owner", "console@example.com")
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    return [{"name": "staff", "value": token, "url": site.url}]


@pytest.fixture
def open_console(open_page: Open, owner: list[Any]) -> Open:
    """The owner's browser."""
    return lambda **more: open_page(owner, **more)


def paths(site: Site) -> list[str]:
    """Every page of the console that has something to show."""
    merchant, member = site.settled.town.merchant_id, site.settled.member_id
    return [
        "/console/members",
        "/console/members?q=nobody-at-all",
        f"/console/members/{member}",
        f"/console/members/{member}/adjust",
        f"/console/members/{member}/merge",
        "/console/approvals",
        "/console/rulesets",
        "/console/rulesets/new",
        "/console/merchants",
        "/console/merchants/new",
        "/console/merchants/admin-keys",
        f"/console/merchants/{merchant}",
        "/console/settlement",
        "/console/people",
        "/console/people/new",
        "/console/trail",
    ]


def check(page: Page, where: str) -> None:
    """The page fits, can be touched, and axe-core finds nothing wrong with it, everything opened."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), where
    assert complaints(page) == [], where
    small = page.locator(TARGETS).evaluate_all(
        "all => all.filter(one => { const h = one.getBoundingClientRect().height; return h && h < 43.5 })"
        ".map(one => one.outerHTML)"
    )
    assert small == [], where


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site, open_console: Open, viewport: Any, locale: str, scheme: Any
) -> None:
    proposed = NewAdjustment("large", site.settled.member_id, -90_000, "Lost receipts of March, found in May")
    propose_adjustment(site.settled.town.context, Actor.admin("mia"), proposed)
    page = open_console(viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in paths(site):
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == locale[:2]
        check(page, path)


def test_rules_go_from_a_text_with_a_mistake_to_the_page_that_publishes_them(open_console: Open) -> None:
    page = open_console(viewport=PHONE, locale="en-GB", java_script_enabled=True)
    page.goto("/console/rulesets/new")
    rules = page.input_value("#document")
    page.fill("#document", rules.replace("points: 1, per: 100", "points: 1, per: none"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("/earning/0/per")
    check(page, "mistakes")
    page.fill("#document", rules.replace("points: 1, per: 100", "points: 2, per: 100"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("2 points for every €1 spent")).to_be_visible()
    check(page, "changes")
    page.get_by_role("button", name="Try these rules").click()
    page.get_by_role("button", name="See what it earns").click()
    expect(page.get_by_role("heading", name="Under the rules in force")).to_be_visible()
    check(page, "one purchase")
    page.get_by_role("button", name="Decide them anew").click()
    expect(page.get_by_role("img", name="Points by day")).to_be_visible()
    check(page, "replay")
    page.get_by_role("button", name="Back to the document").click()
    page.get_by_role("button", name="Keep as a draft", exact=True).click()
    check(page, "draft")
    page.get_by_role("link", name="Publish", exact=True).click()
    check(page, "publish")
    page.get_by_role("button", name="See what it means").click()
    expect(page.get_by_text("It cannot be taken back")).to_be_visible()
    check(page, "what it means")


def test_a_correction_works_without_javascript(site: Site, open_console: Open) -> None:
    town = site.settled.town
    member = town.member("corrected@example.com", "Noémie " + "Wolfeschlegelsteinhausenbergerdorff" * 3)
    page = open_console(viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto("/console/members")
    page.get_by_label("Qui").fill("corrected@")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("link", name="Noémie").click()
    page.get_by_role("link", name="Ajouter ou retirer des points").click()
    page.get_by_label("Combien de points").fill("9 007 199 254 740")
    page.get_by_label("Raison").fill("Une très grande correction")
    page.get_by_role("button", name="Voir ce que cela donne").click()
    expect(page.get_by_label("Combien de points")).to_have_accessible_description(re.compile("Le plafond du programme"))
    page.get_by_label("Combien de points").fill("1 500")
    page.get_by_role("button", name="Voir ce que cela donne").click()
    page.get_by_role("button", name="Ajouter ces points").click()
    expect(page.get_by_role("status")).to_contain_text("1 500")
    assert get_balance(town.context, Actor.admin(), member).available == 1_500


def test_two_accounts_are_made_one_on_a_phone_without_javascript(site: Site, open_console: Open) -> None:
    town = site.settled.town
    old, kept = town.member("noemie.old@example.com", "Noémie Bréal"), town.member("noemie.new@example.com", "N. Bréal")
    town.gift(old, 1_234)
    page = open_console(viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto(f"/console/members/{old}")
    page.get_by_role("link", name="C’est la même personne qu’un autre compte").click()
    page.get_by_label("Quel compte reste").fill("noemie.")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("button", name="Réunir les deux comptes").click()
    expect(page.get_by_label("Comment savez-vous")).to_have_accessible_description(re.compile("Écrivez"))
    page.get_by_label("Comment savez-vous").fill("A montré une pièce d’identité")
    page.get_by_role("radio", name="N. Bréal").check()
    page.get_by_role("button", name="Réunir les deux comptes").click()
    expect(page.get_by_role("status")).to_contain_text("Les deux cartes désignent désormais ce compte")
    assert get_balance(town.context, Actor.admin(), kept).available == 1_234
    page.get_by_role("link", name="Noémie Bréal").click()
    expect(page.get_by_role("heading", name="L’histoire de Noémie Bréal, avant")).to_be_visible()


def test_the_page_that_makes_one_account_of_two_fits_with_what_was_found(site: Site, open_console: Open) -> None:
    town = site.settled.town
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    member = town.member("twice@example.com", "Twice")
    other = town.member("twice.again@example.com", long)
    town.gift(other, 2**40)
    page = open_console(viewport=PHONE, locale="fr-FR")
    page.goto(f"/console/members/{member}/merge?q=twice")
    check(page, "found")
    page.get_by_role("button", name="Réunir les deux comptes").click()
    check(page, "mistakes")


def test_very_long_names_and_very_large_figures_fit_a_phone(site: Site, open_console: Open) -> None:
    town = site.settled.town
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    member = town.member("large@example.com", long * 2)
    town.gift(member, 2**52, long * 4)
    page = open_console(viewport=PHONE, locale="fr-FR")
    for path in (f"/console/members/{member}", f"/console/members/{member}/adjust", "/console/members?q=large@"):
        page.goto(path)
        check(page, path)


def test_the_side_list_stands_beside_the_page_and_can_be_walked_by_keyboard(open_console: Open) -> None:
    page = open_console(viewport=DESKTOP, locale="en-GB")
    page.goto("/console/settlement")
    side, main = page.locator(".side").bounding_box(), page.locator("main").bounding_box()
    assert side is not None
    assert main is not None
    assert side["x"] + side["width"] <= main["x"]
    expect(page.locator(".side [aria-current=page]")).to_have_text("Settlement")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("link", name="Members").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/members")
