"""The member's card in Chromium: a scanner reads it off the screen, the next code comes by itself, an old one is greyed out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, Site, complaints
from playwright.sync_api import Page, Route, expect
from screenshots import scanned

from token_service.ledger.member_codes import member_by_code

Open = Callable[..., Page]
MINUTE_MS = 60_000


def code_on(page: Page) -> str:
    return page.locator(".short-code").inner_text().removeprefix("Code:").strip()


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_a_scanner_reads_the_code_off_the_screen(
    site: Site, cookies: list[Any], open_page: Open, viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme)
    page.goto("/wallet")
    page.locator('a[href="/card"]').click()
    page.wait_for_url("**/card")
    text = scanned(page.screenshot())
    assert text == code_on(page).split()[-1].replace("-", "")
    town = site.settled.town
    assert member_by_code(town.context, town.actor, text).id == site.settled.member_id
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints(page) == []


def test_the_next_code_comes_by_itself_before_the_old_one_ends(cookies: list[Any], open_page: Open) -> None:
    page = open_page(cookies, viewport=PHONE)
    page.clock.install()
    page.goto("/card")
    first = code_on(page)
    page.clock.run_for(3 * MINUTE_MS)
    assert code_on(page) == first
    with page.expect_response("**/card"):
        page.clock.run_for(MINUTE_MS + 1_000)
    expect(page.locator(".short-code")).not_to_contain_text(first)
    second = code_on(page)
    with page.expect_response("**/card"):
        page.clock.run_for(4 * MINUTE_MS + 1_000)
    expect(page.locator(".short-code")).not_to_contain_text(second)


def test_without_a_connection_an_old_code_is_greyed_out_and_comes_back_with_it(
    cookies: list[Any], open_page: Open
) -> None:
    page = open_page(cookies, viewport=PHONE, locale="en-GB")
    page.clock.install()
    page.goto("/card")
    first = code_on(page)

    def fail(route: Route) -> None:
        route.abort()

    page.route("**/card", fail)
    page.clock.run_for(5 * MINUTE_MS + 6_000)
    expect(page.get_by_text("This code has expired.")).to_be_visible()
    assert page.locator(".qr-frame").evaluate("one => getComputedStyle(one).opacity") == "0.1"
    page.unroute("**/card", fail)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.get_by_text("This code has expired.")).to_be_hidden()
    expect(page.locator(".short-code")).not_to_contain_text(first)


def test_without_javascript_a_link_shows_a_new_code(cookies: list[Any], open_page: Open) -> None:
    page = open_page(cookies, viewport=PHONE, locale="en-GB", java_script_enabled=False)
    page.goto("/card")
    first = code_on(page)
    page.get_by_role("link", name="Show a new code").click()
    expect(page.locator(".short-code")).not_to_contain_text(first)
