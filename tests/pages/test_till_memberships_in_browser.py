"""Memberships at the till in Chromium: every page fits and is accessible, and a sale and its refund go by keyboard alone, without
JavaScript, and on a network that loses the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, TOUCHED, look_at, lose_the_answer, press_the_button
from pages_town import RULES, Town
from playwright.sync_api import Page, expect
from serving import serving
from staff_people import hire
from test_memberships_on_pages import MEMBERSHIPS, REWARDS
from test_till_memberships import bought

from token_service.ledger.inputs import NewMembership, NewRedemption
from token_service.ledger.memberships import sell_membership
from token_service.ledger.redemptions import redeem
from token_service.ledger.staff_sessions import open_staff_session

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


@pytest.fixture
def site(make_town: Callable[[str], Town]) -> Iterator[Counter]:
    rules = RULES.replace("challenges:\n", MEMBERSHIPS + "challenges:\n").rstrip("\n") + REWARDS
    named = "benefits: [{id: lounge, name: {fr: Salon, en: Lounge}}, "
    town = make_town(rules.replace("benefits: [{id: free-delivery,", named + "{id: free-delivery,"))
    person, token = hire(town, "cashier", "paul@example.com"), "6" * 64
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    with serving(town.app()) as url:
        yield Counter(url, town, [{"name": "staff", "value": token, "url": url}], town.member(name="Zoé Martin"))


def sell(site: Counter) -> str:
    new = NewMembership(site.town.reference(), "club", member_id=site.member_id)
    return sell_membership(site.town.context, site.town.actor, new).value.id


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Counter, open_page: Open, viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(site.cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")

    def look(path: str) -> None:
        look_at(page, path, locale, TARGETS)

    look(site.page)
    look(f"{site.page}/membership?membership=club")
    sold = sell(site)
    redeem(site.town.context, site.town.actor, NewRedemption(site.town.reference(), site.member_id, points=30))
    sell(site)
    for path in (
        site.page,
        f"{site.page}/membership?membership=club",
        f"/till/operations/{sold}",
        f"/till/memberships/{sold}/refund",
    ):
        look(path)
    press_the_button(page)
    page.wait_for_url("**/till/operations/**")
    look(page.url)
    look(f"/till/memberships/{sold}/refund")


def test_a_sale_and_its_refund_go_by_keyboard_without_javascript(site: Counter, open_page: Open) -> None:
    page = open_page(site.cookies, viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto(site.page)
    page.get_by_role("link", name="Vendre").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("29,00\N{NO-BREAK SPACE}€ pour 12\N{NO-BREAK SPACE}mois")).to_be_visible()
    press_the_button(page)
    page.wait_for_url("**/till/operations/**")
    expect(page.get_by_text("+\N{NO-BREAK SPACE}100 points")).to_be_visible()
    page.get_by_role("link", name="Remboursement").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("29,00\N{NO-BREAK SPACE}€ à rendre")).to_be_visible()
    press_the_button(page)
    page.wait_for_url("**/till/operations/**")
    expect(page.get_by_role("heading", name="Adhésion remboursée")).to_be_visible()
    assert [one.ended_at is not None for one in bought(site.town, site.member_id)] == [True]


def test_an_answer_that_is_lost_is_asked_for_again_and_sold_once(site: Counter, open_page: Open) -> None:
    page = open_page(site.cookies, viewport=PHONE, locale="en-GB")
    page.goto(f"{site.page}/membership?membership=club")

    page.route("**/membership", lose_the_answer)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("No answer came")).to_be_visible()
    page.unroute("**/membership", lose_the_answer)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/till/operations/**")
    expect(page.get_by_text("This was recorded before")).to_be_visible()
    assert len(bought(site.town, site.member_id)) == 1
