"""Benefits in Chromium: every page fits and is accessible; one is used and undone by keyboard alone, without JavaScript, and on a
network that loses the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, TOUCHED, look_at, lose_the_answer, press_the_button
from pages_town import Town
from playwright.sync_api import Page, expect
from serving import serving
from staff_people import hire
from test_benefits_on_pages import limited_rules

from token_service.ledger.benefit_using import list_uses, use_benefit
from token_service.ledger.inputs import NewBenefitUse
from token_service.ledger.staff_sessions import open_staff_session
from token_service.ledger.views import BenefitUsed

Open = Callable[..., Page]
TARGETS = TOUCHED + ", .line, .who a"


@dataclass(frozen=True)
class Counter:
    """A served town, a cashier's cookies and a customer."""

    url: str
    town: Town
    cookies: list[Any]
    member_id: str

    @property
    def page(self) -> str:
        return f"/till/members/{self.member_id}"

    def uses(self) -> tuple[BenefitUsed, ...]:
        return list_uses(self.town.context, self.town.actor, self.member_id).data


@pytest.fixture
def site(make_town: Callable[[str], Town]) -> Iterator[Counter]:
    town = make_town(limited_rules())
    person, token = hire(town, "cashier", "paul@example.com"), "6" * 64
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    with serving(town.app()) as url:
        yield Counter(url, town, [{"name": "staff", "value": token, "url": url}], town.member(name="Zoé Martin"))


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Counter, open_page: Open, viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(site.cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")

    def look(path: str) -> None:
        look_at(page, path, locale, TARGETS)

    look(site.page)
    look(f"{site.page}/benefits/lounge")
    new = NewBenefitUse(site.town.reference(), note="with a child, two friends and a very small dog")
    used = use_benefit(site.town.context, site.town.actor, site.member_id, "lounge", new).use
    use_benefit(site.town.context, site.town.actor, site.member_id, "lounge", NewBenefitUse(site.town.reference()))
    for path in (site.page, f"{site.page}/benefits/lounge", f"/till/uses/{used.id}", f"/till/uses/{used.id}/undo"):
        look(path)
    press_the_button(page)
    page.wait_for_url(f"**/till/uses/{used.id}")
    look(page.url)
    look(f"/till/uses/{used.id}/undo")


def test_a_use_and_its_undoing_go_by_keyboard_without_javascript(site: Counter, open_page: Open) -> None:
    page = open_page(site.cookies, viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto(site.page)
    page.get_by_role("link", name="Utiliser (Salon)").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Reste 2 sur 2 cette année")).to_be_visible()
    press_the_button(page)
    page.wait_for_url("**/till/uses/**")
    expect(page.get_by_text("Reste 1 sur 2 cette année")).to_be_visible()
    page.get_by_role("link", name="Annuler").focus()
    page.keyboard.press("Enter")
    press_the_button(page)
    page.wait_for_url("**/till/uses/*")
    expect(page.get_by_text("elle ne compte plus")).to_be_visible()
    assert [one.reversed_at is not None for one in site.uses()] == [True]


def test_an_answer_that_is_lost_is_asked_for_again_and_used_once(site: Counter, open_page: Open) -> None:
    page = open_page(site.cookies, viewport=PHONE, locale="en-GB")
    page.goto(f"{site.page}/benefits/lounge")

    page.route("**/benefits/lounge", lose_the_answer)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("No answer came")).to_be_visible()
    page.unroute("**/benefits/lounge", lose_the_answer)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/till/uses/**")
    expect(page.get_by_text("This was recorded before")).to_be_visible()
    assert len(site.uses()) == 1
