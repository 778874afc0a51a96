"""Points used at the till and given back; refunds by amount and by line, said before and after."""

from __future__ import annotations

import pytest
from pages_town import ORIGIN, WAITING_RULES, Town, open_shop
from till_counter import Counter, at_counter, form_of

from token_service.ledger.balances import get_balance
from token_service.ledger.inputs import NewItem
from token_service.ledger.purchases import get_purchase
from token_service.ledger.staff_trail import list_actions

MINUS = "−\N{NO-BREAK SPACE}"


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


@pytest.fixture
def member(town: Town) -> str:
    """Alice, with 150 points of a purchase of 100.00."""
    made = town.member(name="Alice Martin")
    town.purchase(made, 10_000)
    return made


def points(town: Town, member_id: str) -> int:
    return get_balance(town.context, town.actor, member_id).available


def redemption(member_id: str) -> str:
    return f"/till/members/{member_id}/redemption"


def purchase_id(till: Counter, member_id: str) -> str:
    page = till.browser.get(f"/till/members/{member_id}").text
    return page.partition('href="/till/operations/')[2].partition('"')[0]


# --- Using points -------------------------------------------------------------------------------------------------------


def test_points_pay_what_they_are_worth(town: Town, till: Counter, member: str) -> None:
    page = till.look(redemption(member), points="120")
    for said in ("Payment of €12.00", "for 120 points", "30 points will be left."):
        assert said in page.text
    assert points(town, member) == 150
    receipt = till.confirm(page).text
    for said in (f"{MINUS}120 points", "worth €12.00", "now has 30 points", "under signature"):
        assert said in receipt
    assert points(town, member) == 30


def test_a_reward_is_given_for_its_price(town: Town, till: Counter, member: str) -> None:
    receipt = till.confirm(till.look(redemption(member), reward_id="free-coffee")).text
    assert "Points used · A free coffee" in receipt
    assert points(town, member) == 50
    (action,) = list_actions(town.context, member_id=member).data
    assert (action.action, action.detail) == ("points.redeemed", {"points": 100, "reward_id": "free-coffee"})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"reward_id": "hamper"}, "2,350 points are missing: this card has 150."),
        ({"points": "151"}, "1 point is missing: this card has 150."),
    ],
)
def test_too_few_points_say_what_is_missing(
    town: Town, till: Counter, member: str, asked: dict[str, str], said: str
) -> None:
    page = till.look(redemption(member), **asked)
    assert said in page.text
    assert "data-once" not in page.text
    sent = till.browser.post(redemption(member), **asked, reference="T20261122-130500Z-00000000")
    assert sent.status_code == 409
    assert said in sent.text
    assert points(town, member) == 150


@pytest.mark.parametrize("typed", ["", "1.5", "-3", "many", "0"])
def test_points_that_are_none_are_named_beside_their_field(till: Counter, member: str, typed: str) -> None:
    answer = till.look(redemption(member), points=typed)
    assert answer.status_code == 422
    assert "Enter a whole number of points, such as 100." in answer.text
    assert 'aria-describedby="points-error"' in answer.text


def test_a_reward_that_the_rules_do_not_have_is_nowhere(till: Counter, member: str) -> None:
    assert till.look(redemption(member), reward_id="unicorn").status_code == 404


def test_points_are_used_once_however_often_the_form_is_sent(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(redemption(member), points="50"))
    first, again = till.send(form), till.send(form)
    assert again.location == f"{first.location}?again=1"
    assert points(town, member) == 100


def test_points_used_by_mistake_are_given_back_once(town: Town, till: Counter, member: str) -> None:
    receipt = till.send(form_of(till.look(redemption(member), points="50"))).location
    path = f"/till/redemptions/{receipt.rpartition('/')[2]}/restoration"
    assert path in till.browser.get(receipt).text
    page = till.browser.get(path)
    assert "The customer gets 50 points back" in page.text
    form = form_of(page)
    first, again = till.send(form), till.send(form)
    assert again.location == f"{first.location}?again=1"
    assert "Points given back" in till.browser.get(first.location).text
    assert points(town, member) == 150
    assert path not in till.browser.get(receipt).text
    assert "All of it was given back before." in till.browser.get(path).text
    assert list_actions(town.context, member_id=member).data[0].action == "redemption.reversed"


def test_points_that_somebody_else_gave_back_meanwhile_are_not_given_back_again(
    town: Town, till: Counter, member: str
) -> None:
    receipt = till.send(form_of(till.look(redemption(member), points="50"))).location
    path = f"/till/redemptions/{receipt.rpartition('/')[2]}/restoration"
    one, two = form_of(till.browser.get(path)), form_of(till.browser.get(path))
    till.send(one)
    answer = till.send(two)
    assert (answer.status_code, "All of it was given back before." in answer.text) == (409, True)
    assert points(town, member) == 150


def test_points_used_elsewhere_are_not_this_shops_to_give_back(town: Town, till: Counter, member: str) -> None:
    receipt = till.send(form_of(till.look(redemption(member), points="50"))).location
    foreign = at_counter(open_shop(town.context, town.clock, "Librairie"), "lea@example.com")
    path = f"/till/redemptions/{receipt.rpartition('/')[2]}/restoration"
    assert foreign.browser.get(path).status_code == 404
    assert foreign.browser.client.post(path, headers=ORIGIN).status_code == 404


# --- Refunds ------------------------------------------------------------------------------------------------------------


def refund(purchase: str) -> str:
    return f"/till/purchases/{purchase}/refund"


def test_a_whole_purchase_comes_back(town: Town, till: Counter, member: str) -> None:
    purchase = purchase_id(till, member)
    assert "The whole purchase: €100.00" in till.browser.get(refund(purchase)).text
    page = till.look(refund(purchase), what="whole")
    for said in ("Refund of €100.00", "takes back 150 points", "The purchase keeps"):
        assert said in page.text
    assert points(town, member) == 150
    form = form_of(page)
    first, again = till.send(form), till.send(form)
    assert again.location == f"{first.location}?again=1"
    receipt = till.browser.get(first.location).text
    for said in ("Refund · €100.00", f"{MINUS}150 points", "Taken back from the balance", "now has 0 points"):
        assert said in receipt
    assert points(town, member) == 0
    assert "All of it was refunded before." in till.browser.get(refund(purchase)).text
    assert refund(purchase) not in till.browser.get(f"/till/operations/{purchase}").text


def test_an_amount_comes_back_and_what_was_used_is_owed(town: Town, till: Counter, member: str) -> None:
    till.send(form_of(till.look(redemption(member), points="100")))
    page = till.look(refund(purchase_id(till, member)), what="amount", amount="50,00")
    for said in ("takes back 100 points", "Already used: kept back from the next points", f"{MINUS}50"):
        assert said in page.text
    receipt = till.confirm(page).text
    assert f"{MINUS}100 points" in receipt
    assert get_balance(town.context, town.actor, member).debt == 50
    assert "50 points owed after a refund" in till.browser.get(f"/till/members/{member}").text
    detail = list_actions(town.context, member_id=member).data[0].detail
    assert detail == {"amount": 5_000, "reversed": 50, "debt": 50, "kept": 50}


def test_pieces_of_lines_come_back(town: Town, till: Counter) -> None:
    member = town.member()
    items = (NewItem(1, 3_000, sku="cup", quantity=3), NewItem(2, 500, category="bread"))
    bought = town.purchase(member, 3_500, items=items)
    form = till.browser.get(refund(bought.id)).text
    assert "cup" in form
    assert "3 pieces" in form
    page = till.look(refund(bought.id), what="lines", **{"pieces-1": "2", "pieces-2": ""})
    assert "Refund of €20.00" in page.text
    till.confirm(page)
    assert points(town, member) == 15
    above = till.look(refund(bought.id), what="lines", **{"pieces-1": "2"})
    assert above.status_code == 422
    assert "€15.00 can still be refunded" in above.text
    none = till.look(refund(bought.id), what="lines")
    assert "Enter how many pieces" in none.text


def test_points_on_the_way_are_cancelled(make_town: object) -> None:
    town: Town = make_town(WAITING_RULES)  # type: ignore[operator]
    till, member = at_counter(town), town.member()
    bought = town.purchase(member, 3_000)
    page = till.look(refund(bought.id), what="amount", amount="10")
    assert "Points on the way, cancelled" in page.text
    till.confirm(page)
    assert get_balance(town.context, town.actor, member).pending == 20


def test_more_than_the_purchase_is_refused_with_what_is_left(town: Town, till: Counter, member: str) -> None:
    purchase = purchase_id(till, member)
    for typed, said in (("100,01", "€100.00 can still be refunded"), ("", "Enter an amount"), ("x", "Enter an amount")):
        answer = till.look(refund(purchase), what="amount", amount=typed)
        assert answer.status_code == 422
        assert said in answer.text
    assert points(town, member) == 150


def test_a_rest_that_shrank_while_it_was_looked_at_is_not_refunded_as_another_amount(
    town: Town, till: Counter, member: str
) -> None:
    purchase = till.buy(member, "100")
    page = till.look(refund(purchase), what="whole")
    assert "Refund of €100.00" in page.text
    till.confirm(till.look(refund(purchase), what="amount", amount="40"))
    answer = till.send(form_of(page))
    assert (answer.status_code, "€60.00 can still be refunded" in answer.text) == (409, True)
    assert get_purchase(town.context, town.actor, purchase).refunded.amount == 4_000


def test_nobody_refunds_their_own_purchase(town: Town, till: Counter) -> None:
    own = town.member("paul@example.com")
    bought = town.purchase(own, 1_000)
    page = till.look(refund(bought.id), what="whole")
    assert page.status_code == 403
    sent = till.browser.post(refund(bought.id), what="whole", reference="T20261122-130500Z-00000000")
    for answer in (page, sent):
        assert "This card is your own" in answer.text
    assert points(town, own) == 10
