"""A purchase at the till: typed, looked at, confirmed; recorded once however often it is sent, and in the trail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pages_town import RULES, Town
from till_counter import Counter, at_counter, form_of

from token_service.ledger.balances import get_balance
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.members import freeze
from token_service.ledger.purchases import get_purchase
from token_service.ledger.redemptions import get_redemption, redeem
from token_service.ledger.staff_trail import list_actions

PLUS = "+\N{NO-BREAK SPACE}"
NET_RULES = RULES.replace("per: 100}]", "per: 100, basis: net}]") + "return_window: P14D\naccept_late: P1D\n"


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


@pytest.fixture
def member(town: Town) -> str:
    return town.member(name="Alice Martin")


def points(town: Town, member_id: str) -> int:
    return get_balance(town.context, town.actor, member_id).available


def test_it_shows_what_a_purchase_earns_and_why_before_anything_is_recorded(
    town: Town, till: Counter, member: str
) -> None:
    page = till.look(f"/till/members/{member}/purchase", total="123,90")
    for said in (
        "Purchase of €123.90",
        "earns 173 points",
        "1 point for every €1 spent",
        "Offer “Big basket”",
        f"{PLUS}50",
    ):
        assert said in page.text
    assert points(town, member) == 0
    receipt = till.confirm(page).text
    day = "22\N{NO-BREAK SPACE}November\N{NO-BREAK SPACE}2026"
    for said in (
        f"{PLUS}173 points",
        "Alice\N{NO-BREAK SPACE}M. now has 173 points.",
        f"in its register by {day} at 15:05",
    ):
        assert said in receipt
    assert points(town, member) == 173


def test_the_purchase_is_the_shops_and_says_where_and_when(town: Town, till: Counter, member: str) -> None:
    bought = get_purchase(town.context, town.actor, till.buy(member, "10"))
    assert (bought.channel, bought.store_id, bought.total.amount) == ("store", town.store_id, 1_000)
    assert bought.occurred_at == town.clock()


def test_a_form_that_is_sent_twice_records_once_and_says_so(town: Town, till: Counter, member: str) -> None:
    page = till.look(f"/till/members/{member}/purchase", total="10")
    form = form_of(page)
    first = till.send(form)
    town.clock.move(timedelta(seconds=90))
    again = till.send(form)
    assert again.location == f"{first.location}?again=1"
    assert "nothing was recorded a second time" in till.browser.get(again.location).text
    assert "nothing was recorded a second time" not in till.browser.get(first.location).text
    assert points(town, member) == 10
    assert len(list_actions(town.context, staff_id=till.person.id).data) == 1


def test_reloading_what_it_earns_keeps_the_reference_and_after_confirming_leads_to_the_receipt(
    town: Town, till: Counter, member: str
) -> None:
    first = till.browser.get(f"/till/members/{member}/purchase?total=10")
    assert first.status_code == 303
    references = {form_of(till.browser.get(first.location)).reference for _ in range(2)}
    assert len(references) == 1
    till.send(form_of(till.browser.get(first.location)))
    assert "again=1" in till.browser.get(first.location).location


def test_a_new_purchase_of_the_same_amount_is_another_one(town: Town, till: Counter, member: str) -> None:
    assert till.buy(member, "10") != till.buy(member, "10")
    assert points(town, member) == 20


def test_a_form_whose_reference_stands_for_something_else_leads_to_that(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(f"/till/members/{member}/purchase", total="10"))
    recorded = till.send(form).location
    answer = till.send(form, total="12")
    assert answer.status_code == 409
    assert "nothing was recorded now" in answer.text
    assert f'href="{recorded}"' in answer.text
    assert points(town, member) == 10


def test_the_trail_names_who_what_and_for_whom(town: Town, till: Counter, member: str) -> None:
    bought = till.buy(member, "10")
    (action,) = list_actions(town.context, member_id=member).data
    assert (action.action, action.object_id, action.staff_id) == ("purchase.recorded", bought, till.person.id)
    assert action.detail == {"points": 10, "total": 1_000, "store_id": town.store_id}
    assert action.merchant_id == town.merchant_id


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Enter the amount."), ("ten", "Enter an amount such as 23.90."), ("1.234", "Enter an amount")],
)
def test_an_amount_that_is_none_is_named_beside_its_field(till: Counter, member: str, typed: str, said: str) -> None:
    answer = till.look(f"/till/members/{member}/purchase", total=typed)
    assert answer.status_code == 422
    assert said in answer.text
    for mark in ('href="#total"', 'aria-invalid="true"', 'aria-describedby="total-error"', "<title>Error · "):
        assert mark in answer.text


def test_lines_are_added_without_a_script_and_recorded_as_they_are(town: Town, till: Counter, member: str) -> None:
    path = f"/till/members/{member}/purchase"
    assert till.look(path, do="lines").text.count("<fieldset") == 2
    typed = {"category": ["bread", ""], "sku": ["", "sku-9"], "quantity": ["2", "1"], "amount": ["4,60", "1.40"]}
    more = till.look(path, do="add", **typed)
    assert more.text.count("<fieldset") == 4
    assert 'value="sku-9"' in more.text
    page = till.look(path, do="see-lines", **typed)
    assert "Purchase of €6.00" in page.text
    receipt = till.send(form_of(page)).location
    items = get_purchase(town.context, town.actor, receipt.rpartition("/")[2]).items
    assert [(item.line, item.category, item.sku, item.quantity, item.amount) for item in items] == [
        (1, "bread", None, 2, 460),
        (2, None, "sku-9", 1, 140),
    ]


def test_a_line_that_is_wrong_is_named_and_nothing_typed_is_lost(till: Counter, member: str) -> None:
    typed = {"category": ["bread", "milk"], "sku": ["", ""], "quantity": ["none", "1"], "amount": ["4,60", ""]}
    answer = till.look(f"/till/members/{member}/purchase", do="see-lines", **typed)
    assert answer.status_code == 422
    for mark in ('href="#quantity-1"', 'href="#amount-2"', 'value="none"', 'value="milk"'):
        assert mark in answer.text
    empty = till.look(f"/till/members/{member}/purchase", do="see-lines")
    assert 'href="#amount-1"' in empty.text


def test_what_points_paid_is_not_in_the_total_of_the_lines(town: Town, till: Counter, member: str) -> None:
    typed = {"category": "bread", "sku": "", "quantity": "1", "amount": "14", "paid_with_points": "10"}
    receipt = till.send(form_of(till.look(f"/till/members/{member}/purchase", do="see-lines", **typed))).location
    bought = get_purchase(town.context, town.actor, receipt.rpartition("/")[2])
    assert (bought.total.amount, bought.paid_with_points.amount, bought.points) == (400, 1_000, 4)
    above = till.look(f"/till/members/{member}/purchase", do="see-lines", **(typed | {"paid_with_points": "15"}))
    assert 'href="#paid_with_points"' in above.text


def test_tax_is_asked_where_rules_count_without_it_and_waiting_points_say_until_when(make_town: object) -> None:
    town: Town = make_town(NET_RULES)  # type: ignore[operator]
    till, member = at_counter(town), town.member()
    assert 'id="tax"' in till.look(f"/till/members/{member}").text
    page = till.look(f"/till/members/{member}/purchase", total="12", tax="2")
    assert "earns 10 points" in page.text
    assert "They can be used from 6\N{NO-BREAK SPACE}December" in page.text
    receipt = till.confirm(page).text
    assert "now has 0 points. 10 points are on the way." in receipt
    assert "the points can be used from 6\N{NO-BREAK SPACE}December" in receipt
    assert 'href="#tax"' in till.look(f"/till/members/{member}/purchase", total="12", tax="13").text


def test_tax_is_not_asked_where_no_rule_reads_it(till: Counter, member: str) -> None:
    assert 'id="tax"' not in till.look(f"/till/members/{member}").text


def test_a_blocked_card_is_refused_with_a_reason_before_and_after_looking(
    town: Town, till: Counter, member: str
) -> None:
    page = till.look(f"/till/members/{member}/purchase", total="10")
    freeze(town.context, town.actor, member, "reported stolen")
    sent = till.send(form_of(page))
    assert sent.status_code == 409
    looked = till.look(f"/till/members/{member}/purchase", total="10")
    for answer in (sent, looked):
        assert "This card is blocked for now" in answer.text
    assert points(town, member) == 0
    assert list_actions(town.context, staff_id=till.person.id).data == ()


def test_a_form_that_is_too_old_says_so(make_town: object) -> None:
    town: Town = make_town(NET_RULES)  # type: ignore[operator]
    till, member = at_counter(town), town.member()
    form = form_of(till.look(f"/till/members/{member}/purchase", total="10"))
    town.clock.move(timedelta(hours=11))
    assert till.send(form).status_code == 303
    late = form_of(till.look(f"/till/members/{member}/purchase", total="10"))
    town.clock.move(timedelta(days=2))
    again = at_counter(town, "zoe@example.com")
    answer = again.send(late)
    assert answer.status_code == 409
    assert "too old to be recorded" in answer.text


def test_a_reference_of_nobodys_making_begins_anew(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(f"/till/members/{member}/purchase", total="10"))
    for reference in ("", "mine", "T20261399-000000Z-00000000"):
        assert till.send(form, reference=reference).status_code == 422
    assert points(town, member) == 0


@pytest.mark.parametrize("made", ["T20261120-100000Z-00000000", "T20261124-100000Z-00000000"])
def test_nobody_chooses_the_day_of_a_purchase_by_a_reference_of_their_own(
    town: Town, till: Counter, member: str, made: str
) -> None:
    form = form_of(till.look(f"/till/members/{member}/purchase", total="10"))
    answer = till.send(form, reference=made)
    assert (answer.status_code, "too old to be recorded" in answer.text) == (409, True)
    looked = form_of(till.look(f"/till/members/{member}/purchase", total="10", reference=made))
    assert looked.reference.startswith("T20261122-130500Z-")
    assert points(town, member) == 0


def test_a_form_sent_again_after_days_still_leads_to_its_receipt(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(f"/till/members/{member}/purchase", total="10"))
    first = till.send(form)
    town.clock.move(timedelta(days=3))
    assert at_counter(town, "zoe@example.com").send(form).location == f"{first.location}?again=1"


def test_what_was_typed_is_text_and_nothing_else(till: Counter, member: str) -> None:
    evil = "<script>alert(1)</script>\"'"
    answer = till.look(f"/till/members/{member}/purchase", do="see-lines", category=evil, sku=evil, amount=evil)
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_purchase_names_the_use_of_points_that_paid_and_its_refund_gives_them_back(
    town: Town, till: Counter, member: str
) -> None:
    town.purchase(member, 20_000)
    spent = redeem(town.context, town.actor, NewRedemption("use-1", member, points=100)).value
    typed = {"category": "bread", "quantity": "1", "amount": "30", "paid_with_points": "10", "paid_by": "use-1"}
    path = f"/till/members/{member}/purchase"
    seen = till.look(path, do="see-lines", **typed)
    bought = till.send(form_of(seen))
    purchase = get_purchase(town.context, town.actor, str(bought.location).rpartition("/")[2])
    assert (purchase.total.amount, purchase.paid_by) == (2_000, spent.id)
    refund = till.look(f"/till/purchases/{purchase.id}/refund", what="amount", amount="10")
    assert "Points that paid part of it, given back" in refund.text
    assert f"{PLUS}50" in refund.text
    receipt = till.confirm(refund)
    assert "Points that paid part of it, given back" in receipt.text
    assert get_redemption(town.context, town.actor, spent.id).reversed == 50
    day = [
        " ".join(line.split("<")[0].split())
        for line in till.browser.get("/till").text.split('class="small muted">')[2:5]
    ]
    assert [line.rpartition(" ")[2] for line in day] == ["you"] * 3


def test_a_use_of_points_that_did_not_pay_is_said_beside_its_field(town: Town, till: Counter, member: str) -> None:
    town.purchase(member, 20_000)
    redeem(town.context, town.actor, NewRedemption("use-1", member, points=10))
    typed = {"category": "bread", "quantity": "1", "amount": "30", "paid_with_points": "10"}
    path = f"/till/members/{member}/purchase"
    for wrong in ("use-1", "use-nothing"):
        page = till.look(path, do="see-lines", **typed, paid_by=wrong)
        assert page.status_code == 422
        assert 'href="#paid_by">This use of points did not pay for this purchase' in page.text
        assert f'value="{wrong}"' in page.text
    nothing = till.look(path, do="see-lines", **(typed | {"paid_with_points": ""}), paid_by="use-1")
    assert 'href="#paid_with_points"' in nothing.text


def test_an_order_that_waits_for_its_delivery_has_a_button_for_it(make_town: object) -> None:
    town: Town = make_town(
        RULES + "return_window: P14D\ndelivery: {channels: [store], within: P60D, otherwise: lapse}\n"
    )  # type: ignore[operator]
    till, member = at_counter(town), town.member()
    receipt = till.browser.get(f"/till/operations/{till.buy(member, '12')}")
    assert "Its points wait for the delivery, until" in receipt.text
    told = till.confirm(receipt).text
    assert "Delivered on 22\N{NO-BREAK SPACE}November" in told
    assert "wait for the delivery" not in told
    done = [one.action for one in list_actions(town.context, member_id=member).data]
    assert sorted(done) == ["purchase.delivered", "purchase.recorded"]
