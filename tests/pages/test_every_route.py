"""Every route of the pages as every role: generated from the route table, so that a new route without a rule fails here.

Who is signed in: nobody, a member, and one of the staff for each role. What a route answers follows from its rule alone: let
in (anything but a redirect to signing in or a 403), or kept out. (The API's matrix: tests/api/test_api_access.py.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from pages_town import ORIGIN, Browser, Town
from staff_people import hire, signed_in
from werkzeug.routing import Rule

from token_service.ledger.staff_roles import PERMISSIONS, may
from token_service.pages.blueprint import CHOOSING, PUBLIC
from token_service.pages.staff import rules

STRANGER, MEMBER = "stranger", "member"
EVERYBODY = (STRANGER, MEMBER, *PERMISSIONS)
KNOWN_RULES = {rules.PUBLIC, rules.SIGNED_IN} | {one for all_ in PERMISSIONS.values() for one in all_}


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Each route of the pages with each method that it answers, signing out last of all."""
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in ("pages", "staff")]
    for rule in sorted(found, key=lambda rule: (rule.endpoint.endswith("sign_out"), rule.rule)):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method


def address(rule: Rule) -> str:
    """An address of the route that names nothing there is."""
    return re.sub(r"<(?:\w+:)?\w+>", "0", rule.rule)


def is_let_in(browser: Browser, rule: Rule, method: str) -> bool:
    answer = browser.client.open(address(rule), method=method, headers=ORIGIN)
    answer.get_data()
    answer.close()
    out = answer.status_code == 303 and answer.location in ("/sign-in", "/staff/sign-in")
    return not out and answer.status_code != 403


def should_be_let_in(app: Flask, rule: Rule, who: str) -> bool:
    room, _, name = rule.endpoint.partition(".")
    if room == "pages":
        return who == MEMBER or name in PUBLIC
    wanted = app.view_functions[rule.endpoint].staff_rule  # type: ignore[attr-defined]
    if wanted == rules.PUBLIC:
        return True
    return who in PERMISSIONS and (wanted == rules.SIGNED_IN or may(who, wanted))


def enter(town: Town, app: Flask, who: str) -> Browser:
    if who in PERMISSIONS:
        return signed_in(town, hire(town, who, locale="en"), app)
    browser = Browser(app.test_client())
    if who == MEMBER:
        town.member(f"{who}@example.com")
        browser.sign_in(town, f"{who}@example.com")
    return browser


def test_every_page_of_staff_has_a_rule_that_some_role_meets(town: Town) -> None:
    app = town.app()
    checked = 0
    for rule, _ in routes(app):
        if rule.endpoint.startswith("staff."):
            assert getattr(app.view_functions[rule.endpoint], "staff_rule", None) in KNOWN_RULES, rule
            checked += 1
    assert checked >= 7


def test_what_is_open_to_members_before_they_choose_a_card_is_closed_to_strangers() -> None:
    assert CHOOSING.isdisjoint(PUBLIC)


# Signing out leads to the sign-in page on purpose.
ENDS_THE_SESSION = {"pages.sign_out", "staff.sign_out"}


@pytest.mark.parametrize("who", EVERYBODY)
def test_each_route_lets_in_whom_its_rule_names_and_nobody_else(town: Town, who: str) -> None:
    app = town.app()
    browser = enter(town, app, who)
    wrong = [
        f"{method} {rule.rule}"
        for rule, method in routes(app)
        if is_let_in(browser, rule, method) != should_be_let_in(app, rule, who)
        and not (rule.endpoint in ENDS_THE_SESSION and should_be_let_in(app, rule, who))
    ]
    assert wrong == []
