"""Vouchers with an end: the wallet says until when, the till why not, the rules what becomes of the points."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from pages_town import RULES, Browser, Town
from test_wallet_page import wallet
from till_counter import Counter, at_counter

from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewVoucher
from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import buy_reward

MORE = """
  - id: tea
    kind: gift
    points: 50
    voucher_valid: P90D
    on_expiry: give_back
    name: {fr: Un thé, en: A tea}
  - {id: cake, kind: gift, points: 60, voucher_valid: P1M, on_expiry: lose, name: {fr: Un gâteau, en: A cake}}
"""


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES.rstrip("\n") + MORE)


@pytest.fixture
def member(town: Town, alice: Browser) -> str:
    made = town.member(name="Alice Martin")
    town.gift(made, 284)
    alice.sign_in(town)
    return made


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def bought(town: Town, member: str, reward: str) -> Voucher:
    return buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), reward, None)).value


def test_a_member_reads_before_buying_what_becomes_of_the_points(town: Town, alice: Browser, member: str) -> None:
    for path in ("/rewards", "/rewards/tea"):
        assert "valid for 90 days; then its points come back" in plain(wallet(town, alice, path=path))
    assert "valid for 1 month; then its points are lost" in plain(wallet(town, alice, path="/rewards/cake"))
    assert "valable 90 jours ; ensuite ses points reviennent" in plain(wallet(town, alice, "fr", "/rewards/tea"))


def test_the_wallet_shows_until_when_and_how_it_ended(town: Town, alice: Browser, member: str) -> None:
    tea, _ = bought(town, member, "tea"), bought(town, member, "cake")
    for path in ("/vouchers", f"/vouchers/{tea.id}", "/wallet"):
        text = plain(alice.get(path).text)
        assert "valid until" in text, path
        assert str(tea.code) in text, path
    town.clock.move(timedelta(days=100))
    alice.sign_in(town)
    for _ in range(2):  # before it is recorded, and after
        text = plain(wallet(town, alice, path="/vouchers"))
        assert "not used: its points come back" in text
        assert "to show" not in text
        run_due(town.context)
    assert "arrivé à son terme" in plain(wallet(town, alice, "fr", f"/vouchers/{tea.id}"))


def test_the_till_says_until_when_and_then_why_not(town: Town, till: Counter, member: str) -> None:
    code = str(bought(town, member, "tea").code)
    assert "Valid until 20 Feb" in plain(till.browser.post("/till/find", code=code).text)
    assert "Has a voucher to show" in till.look(f"/till/members/{member}").text
    town.clock.move(timedelta(days=91))
    till = at_counter(town, "lea@example.com")
    page = plain(till.browser.post("/till/find", code=code).text)
    assert "This voucher buys nothing any more: it was valid until" in page
    assert ">Confirm<" not in page
    assert "Has a voucher to show" not in till.look(f"/till/members/{member}").text


def test_the_open_books_say_it(town: Town, alice: Browser) -> None:
    text = plain(alice.get("/transparency", headers={"Accept-Language": "en"}).text)
    assert "A voucher for it is valid for 90 days; then its points come back" in text
