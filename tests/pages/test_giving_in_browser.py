"""Giving points in Chromium: every page fits and is accessible, and a phone without a script gives as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, Site, look_at
from playwright.sync_api import Page, expect

from token_service.ledger.causes import create_cause, list_causes
from token_service.ledger.context import Actor


@pytest.fixture
def cause(site: Site) -> str:
    context = site.settled.town.context
    found = list_causes(context)
    return found[0].id if found else create_cause(context, Actor.admin(), "Banque alimentaire de Lyon").id


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site, cause: str, cookies: list[Any], open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in ("/rewards", "/give", f"/give/{cause}", "/transparency"):
        look_at(page, path, locale)


def test_a_phone_without_a_script_gives_points(
    site: Site, cause: str, cookies: list[Any], open_page: Callable[..., Page]
) -> None:
    page = open_page(cookies, viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto("/rewards")
    page.get_by_role("link", name="Donner des points").click()
    page.get_by_role("link", name="Banque alimentaire de Lyon").click()
    page.fill("#points", "beaucoup")
    page.get_by_role("button", name="Les donner").click()
    expect(page.get_by_text("Saisissez un nombre entier de points")).to_be_visible()
    page.fill("#points", "25")
    page.get_by_role("button", name="Les donner").click()
    page.wait_for_url("**/wallet/entries/**")
    expect(page.get_by_text("Banque alimentaire de Lyon")).to_be_visible()
