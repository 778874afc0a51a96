"""Vouchers at the till: scanned into the same field as the card, looked at, honoured once, and shown in the day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pages_town import Town, open_shop
from till_counter import Counter, at_counter, form_of
from werkzeug.test import TestResponse

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewReversal, NewVoucher
from token_service.ledger.redemptions import restore
from token_service.ledger.staff_trail import list_actions
from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import buy_reward


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


@pytest.fixture
def member(town: Town) -> str:
    made = town.member(name="Alice Martin")
    town.purchase(made, 20_000)
    return made


def bought(town: Town, member_id: str) -> Voucher:
    new = NewVoucher(town.reference(), "free-coffee", 100)
    return buy_reward(town.context, Actor.member(member_id), new).value


def scan(till: Counter, code: str | None) -> TestResponse:
    """What the code leads to, typed into the first page's field."""
    return till.browser.post("/till/find", code=code or "")


def test_a_scanned_voucher_says_what_it_buys_before_it_is_honoured(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    assert voucher.code is not None
    for typed in (voucher.code, voucher.code.replace("-", "").lower()):
        page = scan(till, typed)
        for said in ("A free coffee", "Bought on 22\N{NO-BREAK SPACE}November", "for 100 points", "buys this once"):
            assert said in page.text
    assert "Alice" not in page.text.partition('class="card day"')[0]


def test_it_is_honoured_once_however_often_the_form_is_sent(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    form = form_of(scan(till, voucher.code))
    first, again = till.send(form), till.send(form)
    assert first.location == f"/till/vouchers/{voucher.id}"
    assert again.location == f"/till/vouchers/{voucher.id}?again=1"
    receipt = till.browser.get(first.location).text
    assert "Voucher honoured · A free coffee" in receipt
    assert form.reference in receipt
    assert "nothing was recorded a second time" in till.browser.get(again.location).text
    (action,) = list_actions(town.context, staff_id=till.person.id).data
    assert (action.action, action.object_id, action.member_id) == ("voucher.used", voucher.id, member)
    assert action.detail == {"reward_id": "free-coffee"}


def test_one_that_was_honoured_says_where_and_when(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    form = form_of(scan(till, voucher.code))
    till.send(form)
    town.clock.move(timedelta(hours=1))
    foreign = at_counter(open_shop(town.context, town.clock, "Librairie"), "lea@example.com")
    for here, where in ((till, "here"), (foreign, "at another shop")):
        page = scan(here, voucher.code)
        assert f"honoured before, {where}, on 22\N{NO-BREAK SPACE}November" in page.text
        assert "at 14:05" in page.text
        assert "data-once" not in page.text
    sent = foreign.send(form, reference="T20261122-140500Z-00000000")
    assert sent.status_code == 409
    assert "at another shop" in sent.text
    assert foreign.browser.get(f"/till/vouchers/{voucher.id}").status_code == 404


def test_any_shop_of_the_programme_honours_it_and_has_it_in_its_day(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    foreign = at_counter(open_shop(town.context, town.clock, "Librairie"), "lea@example.com")
    foreign.send(form_of(scan(foreign, voucher.code)))
    page = foreign.browser.get("/till").text
    for said in (
        "Voucher honoured</strong> · A free coffee",
        "14:05 · you",
        f"/till/vouchers/{voucher.id}",
        "×&nbsp;1",
    ):
        assert said in page
    assert "Alice" not in page
    assert voucher.id not in till.browser.get("/till").text


def test_one_that_was_given_back_buys_nothing(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    form = form_of(scan(till, voucher.code))
    restore(town.context, Actor.admin(), voucher.redemption_id, NewReversal(town.reference(), reason="a mistake"))
    assert "it was cancelled" in scan(till, voucher.code).text
    assert till.send(form).status_code == 409


def test_an_unknown_code_is_said_so(town: Town, till: Counter) -> None:
    for answer in (
        scan(till, "ZZZZ-ZZZZ-ZZZZ"),
        till.browser.post("/till/vouchers/use", code="x", reference="T20261122-130500Z-00000000"),
    ):
        assert answer.status_code == 422
        assert "No voucher has this code" in answer.text


def test_the_customers_page_tells_of_vouchers_to_show(town: Town, till: Counter, member: str) -> None:
    assert "to show" not in till.browser.get(f"/till/members/{member}").text
    first = bought(town, member)
    assert "Has a voucher to show: A free coffee" in till.browser.get(f"/till/members/{member}").text
    bought(town, member)
    assert "Has 2 vouchers to show: A free coffee" in till.browser.get(f"/till/members/{member}").text
    till.send(form_of(scan(till, first.code)))
    assert "Has a voucher to show" in till.browser.get(f"/till/members/{member}").text
