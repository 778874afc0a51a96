"""Out to a wallet of one's own and back, in Chromium, on a real chain: by hand and without JavaScript on a phone, with a wallet
in the browser on a desktop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from eth_account import Account
from pages_browsing import DESKTOP, LOOKS, PHONE, TOUCHED, Site, complaints
from pages_settled import SETTLE_SECONDS, Settled, settled_town
from playwright.sync_api import Page, expect
from staff_people import hire

from token_service.ledger.context import Actor
from token_service.ledger.members import get_member
from token_service.ledger.staff_sessions import open_staff_session

KEY = b"\x75" * 32
OWN = Account.from_key(KEY).address
WALLET = (
    "window.ethereum = {request: async ({method, params}) => "
    f'method === "eth_requestAccounts" ? ["{OWN}"] : window.signForTest(params[1])}};'
)


def signed(document: str) -> str:
    return "0x" + bytes(Account.sign_typed_data(KEY, full_message=json.loads(document)).signature).hex()


def at_the_till(site: Site, settled: Settled) -> list[Any]:
    """The cookies of a cashier."""
    person, token = hire(settled.town, "cashier", "paul@example.com", locale="fr"), "6" * 64
    open_staff_session(settled.town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    return [{"name": "staff", "value": token, "url": site.url}]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """A deployment of this file's own: its member leaves."""
    with settled_town(tmp_path_factory.mktemp("own-wallet")) as made:
        yield made


def state_of(settled: Settled) -> str:
    return get_member(settled.town.context, Actor.member(settled.member_id), settled.member_id).state


def sign_by_hand(page: Page) -> None:
    page.fill("#signature", signed(page.locator("[data-document]").inner_text()))
    page.get_by_role("button", name="Envoyer la signature").click()


def check_looks(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
    assert complaints(page) == [], page.url
    small = page.locator(TOUCHED).evaluate_all(
        "all => all.filter(one => one.offsetParent && one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)"
    )
    assert small == [], page.url


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    site: Site, cookies: list[Any], open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in ("/own-wallet", "/confirm", "/preferences"):
        page.goto(path)
        check_looks(page)
    page.goto("/own-wallet")
    page.fill("#address", OWN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/own-wallet/man_*")
    check_looks(page)


def test_a_member_leaves_spends_and_comes_back(
    site: Site, settled: Settled, cookies: list[Any], open_page: Callable[..., Page]
) -> None:
    phone = open_page(cookies, viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    phone.goto("/preferences")
    phone.get_by_role("link", name="Votre propre portefeuille").click()
    phone.fill("#address", OWN)
    phone.get_by_role("button", name="Passer à la signature").click()
    phone.wait_for_url("**/own-wallet/man_*")
    sign_by_hand(phone)
    expect(phone.get_by_text("commence dès que tout ce qui précède")).to_be_visible()
    settled.application.settle(SETTLE_SECONDS)
    phone.reload()
    expect(phone.get_by_text("fait.")).to_be_visible()
    assert state_of(settled) == "left"

    counter = open_page(at_the_till(site, settled), viewport=DESKTOP, locale="fr-FR")
    counter.goto(f"/till/members/{settled.member_id}")
    check_looks(counter)
    counter.fill("#points", "30")
    counter.keyboard.press("Enter")
    counter.get_by_role("button", name="Demander au client").click()
    expect(counter.get_by_text("Attend la signature du client")).to_be_visible()
    check_looks(counter)
    desk = open_page(cookies, viewport=DESKTOP, locale="en-GB")
    desk.expose_function("signForTest", signed)
    desk.add_init_script(WALLET)
    desk.goto("/own-wallet")
    expect(desk.get_by_text(OWN)).to_be_visible()
    desk.get_by_role("link", name="Use 30 points").click()
    check_looks(desk)
    desk.get_by_role("button", name="Sign with the wallet in this browser").click()
    expect(counter.get_by_text("Le client a signé.")).to_be_visible()
    expect(desk.get_by_text("on its way to the register")).to_be_visible()
    settled.application.settle(SETTLE_SECONDS)
    expect(counter.get_by_text("Le client a signé avec son propre portefeuille.")).to_be_visible()
    check_looks(counter)
    desk.goto("/wallet")
    check_looks(desk)
    expect(desk.get_by_text("Points used, signed by you").first).to_be_visible()
    desk.locator(".state", has_text="Points used, signed by you").click()
    expect(desk.get_by_text("You signed it yourself")).to_be_visible()

    phone.goto("/own-wallet")
    phone.get_by_role("button", name="Ramener mes points").click()
    sign_by_hand(phone)
    settled.application.settle(SETTLE_SECONDS)
    phone.goto("/own-wallet")
    expect(phone.get_by_role("heading", name="Emporter mes points")).to_be_visible()
    assert state_of(settled) == "active"
