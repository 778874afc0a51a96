"""Vouchers at the till: scanned into the same field as the card, looked at, honoured once, and shown in the day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pages_town import Browser, Town, open_shop
from test_wallet_page import wallet
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


def test_the_use_of_a_voucher_is_undone_where_it_was_used(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    till.send(form_of(scan(till, voucher.code)))
    receipt = f"/till/vouchers/{voucher.id}"
    assert f'href="{receipt}/undo">Undo the use' in till.browser.get(receipt).text
    town.clock.move(timedelta(minutes=5))
    asked = till.browser.get(f"{receipt}/undo")
    assert "gave it back. The voucher can be used again, once" in asked.text
    assert "Alice" not in asked.text.partition('class="card day"')[0]
    form = form_of(asked)
    first, again = till.send(form), till.send(form)
    assert (first.location, again.location) == (receipt, f"{receipt}?again=1")
    page = till.browser.get(receipt).text
    assert "14:10: the voucher can be used again, once" in page
    assert f"{receipt}/undo" not in page
    assert "undone before" in till.browser.get(f"{receipt}/undo").text
    assert "Voucher honoured</strong>" not in till.browser.get("/till").text, "it was used no more"
    newest = list_actions(town.context, staff_id=till.person.id).data[0]
    assert (newest.action, newest.object_id, newest.member_id) == ("voucher.undone", voucher.id, member)


def test_a_voucher_that_was_undone_is_used_again_by_whoever_does(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    first = form_of(scan(till, voucher.code))
    till.send(first)
    undoing = form_of(till.browser.get(f"/till/vouchers/{voucher.id}/undo"))
    till.send(undoing)
    old = till.send(first)
    assert old.status_code == 409
    assert "This use was undone" in old.text
    town.clock.move(timedelta(minutes=5))
    foreign = at_counter(open_shop(town.context, town.clock, "Librairie"), "lea@example.com")
    foreign.send(form_of(scan(foreign, voucher.code)))
    assert "you" in foreign.browser.get(f"/till/vouchers/{voucher.id}").text
    assert till.send(undoing).location == f"/till/vouchers/{voucher.id}?again=1"
    assert foreign.browser.get("/till").text.count("Voucher honoured</strong>") == 1
    assert "Undone on" in till.browser.get(f"/till/vouchers/{voucher.id}").text


def test_a_use_that_cannot_be_undone_says_why(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member)
    till.send(form_of(scan(till, voucher.code)))
    form = form_of(till.browser.get(f"/till/vouchers/{voucher.id}/undo"))
    restore(town.context, Actor.admin(), voucher.redemption_id, NewReversal(town.reference(), reason="cold"))
    sent = till.send(form)
    assert sent.status_code == 409
    assert "points were given back: its use can no longer be undone" in sent.text
    foreign = at_counter(open_shop(town.context, town.clock, "Librairie"), "lea@example.com")
    assert foreign.browser.get(f"/till/vouchers/{voucher.id}/undo").status_code == 404


def test_a_member_reads_of_the_use_and_of_its_undoing(town: Town, till: Counter, member: str, alice: Browser) -> None:
    voucher = bought(town, member)
    till.send(form_of(scan(till, voucher.code)))
    till.send(form_of(till.browser.get(f"/till/vouchers/{voucher.id}/undo")))
    page = wallet(town, alice, path=f"/vouchers/{voucher.id}")
    assert str(voucher.code) in page
    said = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Used on 22 November" in said
    assert "undone on 22 November" in said
    assert "utilisation annulée le 22 novembre" in wallet(town, alice, "fr", f"/vouchers/{voucher.id}").replace(
        "\N{NO-BREAK SPACE}", " "
    )
