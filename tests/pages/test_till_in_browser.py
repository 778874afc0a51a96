"""The till in Chromium: phone and desktop, both languages, light and dark, by keyboard alone, without JavaScript, and on a
network that loses requests and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from pages_browsing import DESKTOP, LOOKS, PHONE, TOUCHED, Site, complaints, look_at, lose_the_answer, type_in
from playwright.sync_api import Page, expect
from staff_people import hire

from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewVoucher
from token_service.ledger.member_codes import new_code
from token_service.ledger.staff import Person
from token_service.ledger.staff_sessions import open_staff_session
from token_service.ledger.vouchers import buy_reward

Open = Callable[..., Page]
TARGETS = TOUCHED + ", .line, .who a, input"


@dataclass(frozen=True)
class Till:
    """Somebody of the shop, signed in, and a customer with points."""

    person: Person
    cookies: list[Any]
    member_id: str
    purchase_id: str


@pytest.fixture(scope="module")
def till(site: Site) -> Till:
    town, token = site.settled.town, "5" * 64
    person = hire(town, "cashier", "paul@example.com")
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    member_id = town.member("till@example.com", name="Zoé Martin")
    items = (NewItem(1, 12_000, sku="cup", quantity=3), NewItem(2, 500, category="bread"))
    bought = town.purchase(member_id, 12_500, items=items)
    return Till(person, [{"name": "staff", "value": token, "url": site.url}], member_id, bought.id)


def points(site: Site, till: Till) -> int:
    return get_balance(site.settled.town.context, Actor.admin(), till.member_id).available


def shown(site: Site, till: Till) -> str:
    return new_code(site.settled.town.context, Actor.member(till.member_id)).code


def to_confirm(page: Page, till: Till, total: str = "10,00") -> None:
    page.goto(f"/till/members/{till.member_id}")
    page.fill("#total", total)
    page.keyboard.press("Enter")
    page.wait_for_url("**reference=**")


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_of_the_till_fits_and_is_accessible(
    site: Site, till: Till, open_page: Open, viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(till.cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    member, refund = f"/till/members/{till.member_id}", f"/till/purchases/{till.purchase_id}/refund"
    for path in (
        "/till",
        "/till/day",
        "/till/purchases?reference=none",
        member,
        f"{member}/purchase?total=123,90",
        f"{member}/purchase?total=x",
        f"{member}/purchase?do=see-lines&category=bread&amount=x&quantity=0",
        f"{member}/redemption?points=20",
        f"{member}/redemption?points=x",
        f"{member}/redemption?reward_id=hamper",
        refund,
        f"{refund}?what=lines",
        f"{refund}?what=amount&amount=5",
        f"/till/operations/{till.purchase_id}",
    ):
        look_at(page, path, locale, TARGETS)


def test_the_day_stands_beside_the_work_on_a_desk_and_below_it_on_a_phone(till: Till, open_page: Open) -> None:
    for viewport, beside in ((DESKTOP, True), (PHONE, False)):
        page = open_page(till.cookies, viewport=viewport)
        page.goto("/till")
        work, day = page.locator(".work").bounding_box(), page.locator(".day").bounding_box()
        assert work is not None
        assert day is not None
        assert (day["x"] >= work["x"] + work["width"]) == beside
        assert (day["y"] >= work["y"] + work["height"]) != beside


def test_a_whole_sale_goes_by_keyboard_alone(site: Site, till: Till, open_page: Open) -> None:
    page, before = open_page(till.cookies, viewport=DESKTOP, locale="fr-FR"), points(site, till)
    page.goto("/till")
    type_in(page, shown(site, till).replace("-", "").lower())  # as a scanner does
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/members/**")
    type_in(page, "23,90")
    page.keyboard.press("Enter")
    expect(page.get_by_text("rapporte 23 points")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/operations/**")
    expect(page.get_by_text("+\N{NO-BREAK SPACE}23 points")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/till")
    expect(page.locator("#code")).to_be_focused()
    assert points(site, till) == before + 23


def test_a_voucher_is_scanned_and_honoured_by_keyboard_alone(site: Site, till: Till, open_page: Open) -> None:
    town = site.settled.town
    new = NewVoucher(town.reference(), "free-coffee", 100)
    code = buy_reward(town.context, Actor.member(till.member_id), new).value.code
    assert code is not None
    page = open_page(till.cookies, viewport=PHONE, locale="fr-FR")
    page.goto("/till")
    type_in(page, code.replace("-", ""))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Café offert")).to_be_visible()
    assert complaints(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/vouchers/**")
    expect(page.get_by_role("heading", name="Bon accepté · Café offert")).to_be_visible()
    assert complaints(page) == []


def test_a_request_that_is_lost_is_said_and_sent_again(site: Site, till: Till, open_page: Open) -> None:
    page, before = open_page(till.cookies, viewport=PHONE, locale="en-GB"), points(site, till)
    to_confirm(page, till)
    page.context.set_offline(True)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("No answer came")).to_be_visible()
    expect(page.get_by_role("button", name="Confirm")).to_be_focused()
    assert complaints(page) == []
    assert points(site, till) == before
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/operations/**")
    assert points(site, till) == before + 10


def test_an_answer_that_is_lost_is_asked_for_again_and_recorded_once(site: Site, till: Till, open_page: Open) -> None:
    page, before = open_page(till.cookies, viewport=PHONE, locale="en-GB"), points(site, till)
    to_confirm(page, till)

    page.route("**/purchase", lose_the_answer)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("No answer came")).to_be_visible()
    assert points(site, till) == before + 10
    page.unroute("**/purchase", lose_the_answer)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/till/operations/**")
    expect(page.get_by_text("This was recorded before")).to_be_visible()
    assert points(site, till) == before + 10


def test_a_busy_register_keeps_the_form(site: Site, till: Till, open_page: Open) -> None:
    page = open_page(till.cookies, viewport=PHONE, locale="en-GB")
    to_confirm(page, till)
    page.route("**/purchase", lambda route: route.fulfill(status=503, body="busy"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The register is busy.")).to_be_visible()
    expect(page.get_by_role("button", name="Confirm")).to_be_enabled()


def test_whoever_was_signed_out_keeps_the_form(site: Site, till: Till, open_page: Open) -> None:
    page, before = open_page(till.cookies, viewport=PHONE, locale="en-GB"), points(site, till)
    to_confirm(page, till)
    page.context.clear_cookies()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("You were signed out")).to_be_visible()
    assert complaints(page) == []
    page.context.add_cookies(till.cookies)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/till/operations/**")
    assert points(site, till) == before + 10


def test_clicking_twice_records_once(site: Site, till: Till, open_page: Open) -> None:
    page, before = open_page(till.cookies, locale="en-GB"), points(site, till)
    to_confirm(page, till)
    page.get_by_role("button", name="Confirm").dblclick()
    page.wait_for_url("**/till/operations/**")
    assert points(site, till) == before + 10


def test_going_back_and_confirming_again_records_once(site: Site, till: Till, open_page: Open) -> None:
    page, before = open_page(till.cookies, locale="en-GB"), points(site, till)
    to_confirm(page, till)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/till/operations/**")
    page.go_back()
    page.wait_for_url("**/till/operations/**again=1")
    expect(page.get_by_text("This was recorded before")).to_be_visible()
    assert points(site, till) == before + 10


def test_a_refusal_is_shown_as_the_server_says_it(site: Site, till: Till, open_page: Open) -> None:
    page = open_page(till.cookies, viewport=PHONE, locale="en-GB")
    to_confirm(page, till)
    page.locator("input[name=reference]").evaluate("one => { one.value = 'none' }")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#total")).to_be_visible()


def test_everything_works_without_javascript(site: Site, till: Till, open_page: Open) -> None:
    page, before = (
        open_page(till.cookies, viewport=PHONE, locale="en-GB", java_script_enabled=False),
        points(site, till),
    )
    page.goto("/till")
    page.fill("#code", shown(site, till))
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Enter the lines of the basket instead").click()
    page.get_by_role("button", name="More lines").click()
    page.get_by_role("group", name="Line 1").get_by_label("Amount").fill("4,60")
    page.get_by_role("group", name="Line 2").get_by_label("Amount").fill("1.40")
    page.get_by_role("button", name="See what it earns").last.click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("+\N{NO-BREAK SPACE}6 points")).to_be_visible()
    page.get_by_role("link", name="Refund").click()
    page.get_by_role("link", name="The whole purchase").click()
    page.get_by_role("button", name="Confirm the refund").click()
    expect(page.get_by_text("−\N{NO-BREAK SPACE}6 points")).to_be_visible()
    assert points(site, till) == before


def test_a_mistake_leads_to_its_field(till: Till, open_page: Open) -> None:
    page = open_page(till.cookies, locale="fr-FR")
    page.goto(f"/till/members/{till.member_id}/purchase?total=x")
    expect(page).to_have_title("Erreur · Achat · Les Halles")
    page.get_by_role("link", name="Saisissez un montant").click()
    expect(page.locator("#total")).to_be_focused()
    expect(page.locator("#total")).to_have_accessible_description("Saisissez un montant, par exemple 23,90.")
