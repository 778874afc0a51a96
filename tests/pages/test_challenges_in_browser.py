"""Challenges in Chromium: the page and the wallet fit and are accessible on every screen, also with many stamps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pages_browsing import LOOKS, Site, look_at
from playwright.sync_api import Page

from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent, NewItem


@pytest.fixture
def begun(site: Site) -> None:
    """Alice has three stamps, a voucher, and a badge."""
    town, alice = site.settled.town, site.settled.member_id
    town.purchase(alice, 2_000, items=(NewItem(line=1, category="coffee", quantity=8, amount=2_000),))
    for _ in range(2):
        send_event(town.context, town.actor, NewEvent(town.reference(), "review.written", town.context.now(), alice))


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site, begun: None, cookies: list[Any], open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in ("/challenges", "/wallet", "/vouchers"):
        look_at(page, path, locale)
    page.goto("/challenges")
    assert page.locator(".stamp.there").count() >= 1
    assert page.locator(".badge").count() == 1
