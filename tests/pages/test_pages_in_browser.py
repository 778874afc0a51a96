"""The pages in Chromium, served by the whole application: phone and desktop, both languages, light and dark, by keyboard,
without JavaScript, offline, on paper; axe-core finds nothing and the content security policy is never broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, Site, complaints, look_at, sign_in
from playwright.sync_api import Page, expect


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site, cookies: list[Any], open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in site.paths:
        look_at(page, path, locale)


def test_huge_numbers_and_long_names_fit_a_phone(site: Site, open_page: Callable[..., Page]) -> None:
    town = site.settled.town
    member = town.member("big@example.com", name="Wolfeschlegelsteinhausenbergerdorff " * 4 + "née Ω")
    town.gift(member, 2**52, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")
    page = open_page(viewport=PHONE, locale="fr-FR")
    sign_in(page, site, "big@example.com")
    for path in ("/wallet", "/statement", "/rewards", "/rewards/hamper", "/preferences"):
        page.goto(path)
        outside = page.locator("main *").evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().right > window.innerWidth).map(one => one.outerHTML)"
        )
        assert outside == []
    assert complaints(page) == []


def test_the_theme_follows_the_device(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, color_scheme="dark")
    page.goto("/wallet")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(23, 20, 17)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(paper) == "rgb(250, 247, 242)"


def test_a_member_signs_in_and_reads_by_keyboard_alone(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=PHONE, locale="fr-FR")
    site.settled.town.member("keyboard@example.com", name="Zoé")
    sign_in(page, site, "keyboard@example.com")
    expect(page.get_by_text("Bonjour, Zoé")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.get_by_role("button", name="Se déconnecter").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")


def test_touching_the_seal_tells_three_sentences_and_gives_the_receipt(
    cookies: list[Any], open_page: Callable[..., Page]
) -> None:
    page = open_page(cookies, viewport=PHONE, locale="en-GB")
    page.goto("/wallet")
    page.get_by_role("link", name="recorded and checkable").first.click()
    expect(page.locator(".sentences li")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("link", name="Keep the receipt").click()
    assert '"object": "receipt"' in download.value.path().read_text(encoding="utf-8")


def test_everything_works_without_javascript(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    site.settled.town.purchase(site.settled.town.member("plain@example.com", name="Noé"), 3_990)
    page.goto("/sign-in")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Your points")).to_be_visible()
    sign_in(page, site, "plain@example.com")
    page.get_by_text("Why?", exact=True).first.click()
    expect(page.get_by_text("1 point for every €1 spent").first).to_be_visible()
    page.get_by_role("link", name="Preferences").click()
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Préférences")).to_be_visible()


def test_a_mistake_is_named_beside_its_field(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=PHONE, locale="fr-FR")
    page.goto("/sign-in")
    page.fill("#email", "alice")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Adresse e-mail")).to_have_accessible_description(
        "Saisissez une adresse e-mail, par exemple nom@example.com."
    )
    expect(page).to_have_title("Erreur · Se connecter · Les Halles")
    assert complaints(page) == []


def test_being_offline_is_said(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, locale="en-GB")
    page.goto("/wallet")
    notice = page.get_by_text("You are offline.")
    expect(notice).to_be_hidden()
    page.context.set_offline(True)
    expect(notice).to_be_visible()
    page.context.set_offline(False)
    expect(notice).to_be_hidden()


def test_on_paper_there_is_nothing_to_press(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies)
    page.goto("/wallet")
    page.emulate_media(media="print")
    expect(page.locator(".figure")).to_be_visible()
    for pressed in (".bottom", ".demo", ".why summary"):
        expect(page.locator(pressed).first).to_be_hidden()


def test_a_lost_reader_is_led_home_in_their_language(open_page: Callable[..., Page]) -> None:
    page = open_page(locale="fr-FR")
    page.goto("/nowhere")
    page.get_by_role("link", name="Voir vos points").click()
    page.wait_for_url("**/sign-in")


def test_the_pages_ask_nothing_of_other_hosts(site: Site, cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in site.paths:
        page.goto(path)
    assert asked
    assert [url for url in asked if not url.startswith(site.url)] == []
