"""The pages in Chromium, served by the whole application: phone and desktop, both languages, light and dark, by keyboard,
without JavaScript, offline, on paper; axe-core finds nothing and the content security policy is never broken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pages_settled import Settled
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from token_service.app.web import create_web

AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
LOOKS = [
    pytest.param(PHONE, "fr-FR", "light", id="phone-french-light"),
    pytest.param(PHONE, "en-GB", "dark", id="phone-english-dark"),
    pytest.param(DESKTOP, "fr-FR", "dark", id="desktop-french-dark"),
    pytest.param(DESKTOP, "en-GB", "light", id="desktop-english-light"),
]
TOUCHED = ".button, .link-button, .state, summary, input[type=email], input[type=text], .home"


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Requests are not news."""


@dataclass(frozen=True)
class Site:
    """The served application and what belongs to it."""

    url: str
    settled: Settled

    @property
    def paths(self) -> list[str]:
        written, waiting = self.settled.lines[-1].id, self.settled.lines[0].id
        return [
            "/wallet",
            f"/wallet/entries/{written}",
            f"/wallet/entries/{waiting}",
            "/preferences",
            "/mailbox",
            "/sign-in",
        ]


@pytest.fixture(scope="module")
def site(settled: Settled) -> Iterator[Site]:
    server = make_server("127.0.0.1", 0, create_web(settled.application), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Site(f"http://127.0.0.1:{server.port}", settled)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def cookies(browser: Browser, site: Site) -> list[Any]:
    """Alice's session, from signing in once."""
    context = browser.new_context()
    sign_in(context.new_page(), site)
    kept = context.cookies()
    context.close()
    return kept


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """A page in a context of its own; afterwards the console must have been free of broken policy and script errors."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_one(cookies: list[Any] | None = None, **more: Any) -> Page:
        context = browser.new_context(base_url=site.url, **more)
        contexts.append(context)
        context.add_cookies(cookies or [])
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [text for text in said if "Failed to load resource" not in text] == []


def sign_in(page: Page, site: Site, email: str = "alice@example.com") -> None:
    page.goto(f"{site.url}/sign-in")
    page.fill("#email", email)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code")
    page.fill("#code", site.settled.town.code())
    page.keyboard.press("Enter")
    page.wait_for_url("**/wallet")


def complaints(page: Page) -> list[str]:
    """What axe-core finds wrong, best-practice rules included."""
    page.evaluate(AXE + "; null")
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site, cookies: list[Any], open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in site.paths:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.locator("html").get_attribute("lang") == locale[:2]
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert complaints(page) == [], path
        small = page.locator(TOUCHED).evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)"
        )
        assert small == [], path


def test_huge_numbers_and_long_names_fit_a_phone(site: Site, open_page: Callable[..., Page]) -> None:
    town = site.settled.town
    member = town.member("big@example.com", name="Wolfeschlegelsteinhausenbergerdorff " * 4 + "née Ω")
    town.gift(member, 2**52, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")
    page = open_page(viewport=PHONE, locale="fr-FR")
    sign_in(page, site, "big@example.com")
    for path in ("/wallet", "/preferences"):
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
