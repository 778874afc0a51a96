"""What the tests in Chromium share: the whole application served, signing in, and what axe-core says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pages_settled import Settled
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from serving import serving

from token_service.app.web import create_web

AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
LOOKS = [
    pytest.param(PHONE, "fr-FR", "dark", id="phone-french-dark"),
    pytest.param(DESKTOP, "en-GB", "light", id="desktop-english-light"),
    pytest.param(PHONE, "en-GB", "light", id="phone-english-light", marks=pytest.mark.soak),
    pytest.param(DESKTOP, "fr-FR", "dark", id="desktop-french-dark", marks=pytest.mark.soak),
]
"""Every size, language and scheme is seen by `make test`, the other pairs by `make soak`."""
TOUCHED = ".button, .line-link, .link-button, .state, summary, input[type=email], input[type=text], .home"


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
            "/card",
            "/rewards",
            "/give",
            "/rewards/free-coffee",
            "/rewards/hamper",
            "/vouchers",
            "/statement",
            "/preferences",
            "/mailbox",
            "/sign-in",
        ]


@pytest.fixture(scope="module")
def site(settled: Settled) -> Iterator[Site]:
    with serving(create_web(settled.application)) as url:
        yield Site(url, settled)


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
    """What axe-core finds wrong with the page once all of it is there, best-practice rules included; with axe's reason."""
    page.wait_for_load_state("load")
    page.evaluate(AXE + "; null")
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [
        f"{one['id']}: {node['html'][:120]}: {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def type_in(page: Page, text: str) -> None:
    """Types as a scanner or a hand does, into the field that the page gives the focus to: once it has, not before."""
    expect(page.locator("input:focus")).to_have_count(1)
    page.keyboard.type(text)


def look_at(page: Page, path: str, locale: str, targets: str = TOUCHED) -> None:
    """Opens the page, with all that it folds away: it speaks the language, fits its width, is accessible, and what is touched is
    large enough.
    """
    page.goto(path)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.locator("html").get_attribute("lang") == locale[:2]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert complaints(page) == [], path
    seen = "all => all.filter(one => one.checkVisibility() && !one.matches('.visually-hidden'))"
    small = page.locator(targets).evaluate_all(
        f"all => ({seen})(all).filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)"
    )
    assert small == [], path


def press_the_button(page: Page) -> None:
    """Enter, once the page has given its button the focus."""
    expect(page.locator("button:focus")).to_have_count(1)
    page.keyboard.press("Enter")


def lose_the_answer(route: Route) -> None:
    """What is sent arrives, and its answer does not."""
    if route.request.method == "POST":
        route.fetch(max_redirects=0)
        route.abort()
    else:
        route.continue_()
