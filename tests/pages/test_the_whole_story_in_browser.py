"""One member's whole story in Chromium, on both sides of the counter: enrol → earn → see → redeem → refund → proof; on phone and
desktop, in both languages, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
import requests
from pages_browsing import LOOKS, Site, complaints, sign_in, type_in
from pages_settled import SETTLE_SECONDS, Settled, settled_town
from playwright.sync_api import Page, expect
from staff_people import hire

from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewApiKey
from token_service.ledger.staff_sessions import open_staff_session


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """A deployment of this file's own: it is settled further here."""
    with settled_town(tmp_path_factory.mktemp("story")) as made:
        yield made


@pytest.fixture(scope="module")
def key(settled: Settled) -> str:
    """The shop's API key."""
    new = NewApiKey("web shop", settled.town.merchant_id)
    return create_api_key(settled.town.context, Actor.admin(), new).secret


def cashier(site: Site, email: str) -> list[Any]:
    """The cookie of somebody at the till."""
    town, token = site.settled.town, sha256(email.encode()).hexdigest()
    person = hire(town, "cashier", email)
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    return [{"name": "staff", "value": token, "url": site.url}]


def find(page: Page, code: str) -> None:
    """At the till, as a scanner types it."""
    page.goto("/till")
    type_in(page, code)
    page.keyboard.press("Enter")


def confirm(page: Page, to: str) -> None:
    """The button that has the focus is the one to confirm with."""
    expect(page.locator("form .button:focus")).to_have_count(1)
    assert complaints(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(to)
    assert complaints(page) == []


def balance(page: Page) -> str:
    page.goto("/wallet")
    return page.locator(".balance .figure").inner_text()


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_enrol_earn_see_redeem_refund_proof(
    site: Site,
    key: str,
    open_page: Callable[..., Page],
    request: pytest.FixtureRequest,
    viewport: Any,
    locale: str,
    scheme: Any,
) -> None:
    name = request.node.callspec.id
    look = {"viewport": viewport, "locale": locale, "color_scheme": scheme, "reduced_motion": "reduce"}
    enrolled = requests.post(
        f"{site.url}/v1/members",
        json={"external_id": name, "email": f"{name}@example.com", "name": "Zoé"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )
    assert enrolled.status_code == 201
    member, till = open_page(**look), open_page(cashier(site, f"till-{name}@example.com"), **look)
    sign_in(member, site, f"{name}@example.com")

    member.goto("/card")
    find(till, member.locator(".short-code").inner_text().split()[-1])
    till.wait_for_url("**/till/members/*")
    type_in(till, "120,00")
    till.keyboard.press("Enter")
    till.wait_for_url("**reference=**")
    confirm(till, "**/till/operations/pur_*")
    purchase = till.url.rpartition("/")[2].partition("?")[0]

    earned = 120 + 50  # a point for each euro, and the big basket's
    assert balance(member) == str(earned)
    member.goto("/rewards/free-coffee")
    assert complaints(member) == []
    member.locator("main .button").click()
    member.wait_for_url("**/vouchers/vch_*")
    find(till, member.locator(".big-code").inner_text())
    confirm(till, "**/till/vouchers/**")
    assert balance(member) == str(earned - 100)

    till.goto(f"/till/purchases/{purchase}/refund?what=amount&amount=5")
    confirm(till, "**/till/operations/ref_*")
    assert balance(member) == str(earned - 100 - 5)

    site.settled.application.settle(SETTLE_SECONDS)
    member.goto("/wallet")
    expect(member.locator(".entry .seal")).to_have_count(3)
    for number in range(3):
        member.goto("/wallet")
        member.locator(".entry .state").nth(number).click()
        expect(member.locator(".sentences li")).to_have_count(3)
        expect(member.locator(".steps .held")).to_have_count(8)
        assert complaints(member) == []
