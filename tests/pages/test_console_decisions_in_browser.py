"""What waits for two people, segments and a company's people on the console in Chromium: every page fits and is accessible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from pages_browsing import LOOKS
from pages_town import RULES, Town
from playwright.sync_api import Page
from serving import serving
from staff_people import hire
from test_console_in_browser import check

from token_service.ledger.colleagues import add_colleague
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.proposals import propose_adjustment
from token_service.ledger.staff_members import merge_account
from token_service.ledger.staff_sessions import open_staff_session
from token_service.ledger.users import add_user

SEGMENTS = """segments:
  - {id: regulars, name: {fr: Nos habitués, en: Our regulars}}
  - {id: press, name: {fr: La presse et les partenaires du marché, en: The press and the partners of the market}}
  - {id: staff-family}
"""


@dataclass(frozen=True)
class Desk:
    """A served town and an owner's cookies."""

    url: str
    town: Town
    cookies: list[Any]


@pytest.fixture
def site(make_town: Callable[[str], Town]) -> Iterator[Desk]:
    limited = RULES.replace("limits: {", "limits: {adjustment_points: 100, ")
    town = make_town(limited.replace("expiry:", SEGMENTS + "expiry:"))
    person, token = hire(town, "owner", "olga@example.com", locale=None), "9" * 64
    open_staff_session(town.context, person.id, sha256(token.encode()).hexdigest(), "test")
    with serving(town.app()) as url:
        yield Desk(url, town, [{"name": "staff", "value": token, "url": url}])


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_with_something_to_decide_fits_and_is_accessible(
    site: Desk, open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    town = site.town
    old = town.member("zoe@example.com", "Zoé Martin-Delacroix de Montfort")
    kept = town.member("zoe.martin@example.com", "Zoé Martin")
    town.purchase(old, 60_000)
    add_user(town.context, town.actor, old, "lea@example.com", "Léa")
    add_colleague(town.context, old, "lea@example.com", "tom@example.com", None)
    merge_account(town.context, hire(town, "support", "mia@example.com"), old, kept, "She showed both cards")
    proposed = NewAdjustment("large", old, 9_000, "Lost receipts of March, found in May")
    propose_adjustment(town.context, Actor.admin("mia"), proposed)
    page = open_page(site.cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in ("/console/approvals", f"/console/members/{old}", f"/console/members/{old}/merge?q={kept}"):
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == locale[:2]
        check(page, path)
