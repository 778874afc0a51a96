"""The people of a company in Chromium: the pages fit and are accessible, and somebody is added and removed by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, Site, look_at, sign_in
from playwright.sync_api import Browser, Page, expect

from token_service.ledger.context import Actor
from token_service.ledger.users import add_user, list_users

LONG = "anne-charlotte.de-la-rochefoucauld-montbel@entreprise-de-demolition-generale.example.com"


@pytest.fixture(scope="module")
def garage(site: Site) -> str:
    """A company with an own address and two people, one with a very long one."""
    town = site.settled.town
    made = town.member("garage@example.com", "Garage du Pont")
    add_user(town.context, town.actor, made, "lea@example.com", "Léa Fontaine")
    add_user(town.context, town.actor, made, LONG, "Anne-Charlotte de La Rochefoucauld-Montbel")
    return made


@pytest.fixture(scope="module")
def lea(browser: Browser, site: Site, garage: str) -> list[Any]:
    context = browser.new_context()
    sign_in(context.new_page(), site, "lea@example.com")
    kept = context.cookies()
    context.close()
    return kept


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site,
    garage: str,
    lea: list[Any],
    open_page: Callable[..., Page],
    viewport: Any,
    locale: str,
    scheme: Any,
) -> None:
    page = open_page(lea, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    users = list_users(site.settled.town.context, Actor.admin(), garage)
    for path in (
        "/preferences",
        "/people",
        "/people?done=added",
        *(f"/people/{one.id}/remove" for one in users),
        "/confirm?purpose=people",
    ):
        look_at(page, path, locale)


def test_somebody_is_added_and_removed_by_keyboard_without_javascript(
    site: Site, garage: str, lea: list[Any], open_page: Callable[..., Page]
) -> None:
    page = open_page(lea, viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto("/people")
    page.get_by_label("Adresse e-mail").fill("tom")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Adresse e-mail")).to_have_value("tom")
    expect(page.get_by_label("Adresse e-mail")).to_have_accessible_description(
        "Donnez une adresse e-mail, par exemple lea@example.com. La sienne, pas une adresse partagée"
        "\N{NO-BREAK SPACE}: un code de connexion y est envoyé."
    )
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    page.get_by_label("Adresse e-mail").fill("tom@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Personne ajoutée. Un courriel lui dit comment se connecter.")).to_be_visible()
    page.get_by_role("link", name="Retirer (tom@example.com)").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Retirer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Personne retirée. Elle est déconnectée partout")).to_be_visible()
    assert "tom@example.com" not in {one.email for one in list_users(site.settled.town.context, Actor.admin(), garage)}
