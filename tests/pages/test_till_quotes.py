"""Customers who keep their points in a wallet of their own, at the till: asked, signed, arrived; refused, too late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from eth_account import Account
from pages_town import ORIGIN, Town, open_shop
from till_counter import Counter, at_counter, form_of

from token_service.ledger.context import Actor
from token_service.ledger.following import WalletEvent, follow
from token_service.ledger.inputs import NewStore
from token_service.ledger.mandates import get_mandate, sign_mandate
from token_service.ledger.members import get_member
from token_service.ledger.merchants import create_store
from token_service.ledger.staff_trail import list_actions

KEY = b"\x71" * 32
OWN = Account.from_key(KEY).address


def happens(town: Town, name: str, block: int, **arguments: object) -> None:
    """A final block says it."""
    event = WalletEvent(name, arguments, f"0x{block:064x}", 0, block, town.context.now(), f"0x{block + 100:064x}")
    town.context.store.transact(lambda connection: follow(connection, town.context, event))


def leave(town: Town, member_id: str) -> str:
    """The member's points are at an address of their own."""
    before = get_member(town.context, Actor.admin(), member_id)
    moved = {"from_address": before.address, "to_address": OWN, "amount": before.balance.available, "expires_at": 0}
    happens(town, "SelfCustodyBound", 5, **moved)
    return member_id


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


@pytest.fixture
def member(town: Town) -> str:
    """Alice, with 150 points in a wallet of her own."""
    made = town.member(name="Alice Martin")
    town.purchase(made, 10_000)
    return leave(town, made)


def redemption(member_id: str) -> str:
    return f"/till/members/{member_id}/redemption"


def ask(till: Counter, member_id: str, points: str = "120") -> str:
    """The place of the quote."""
    answer = till.send(form_of(till.look(redemption(member_id), points=points)))
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def sign(town: Town, member_id: str, place: str) -> None:
    mandate = get_mandate(town.context, Actor.member(member_id), place.rpartition("/")[2])
    signature = Account.sign_typed_data(KEY, full_message=dict(mandate.document)).signature
    sign_mandate(town.context, Actor.member(member_id), mandate.id, "0x" + bytes(signature).hex())


def arrives(town: Town, member_id: str, place: str) -> None:
    mandate = get_mandate(town.context, Actor.member(member_id), place.rpartition("/")[2])
    said = mandate.document["message"]
    spent = {"account": OWN, "merchant": int(said["merchant"]), "reward": said["reward"], "amount": int(said["amount"])}
    happens(town, "Redeemed", 9, **spent, nonce=int(said["nonce"]))


def test_the_customer_signs_and_the_till_shows_the_receipt(town: Town, till: Counter, member: str) -> None:
    assert "Keeps these points in a wallet of their own" in till.look(f"/till/members/{member}").text
    form = till.look(redemption(member), points="120")
    for said in ("Payment of €12.00", "for 120 points", "30 points will be left.", "they confirm with it, not you"):
        assert said in form.text
    place = ask(till, member)
    page = till.look(place).text
    for said in (
        "Waits for the customer’s signature",
        f"/own-wallet/{place.rpartition('/')[2]}",
        "<svg",
        "Give nothing yet",
    ):
        assert said in page
    assert get_member(town.context, Actor.admin(), member).balance.available == 150
    assert f'href="{place}"' in till.look(f"/till/members/{member}").text
    sign(town, member, place)
    assert "give nothing until it has arrived" in till.look(place).text
    arrives(town, member, place)
    receipt = till.look(place).text
    for said in ("Points used", "worth €12.00", "now has 30 points", "signed for it with a wallet of their own", "you"):
        assert said in receipt
    assert "/restoration" not in receipt
    assert f'href="{place}"' not in till.look(f"/till/members/{member}").text


def test_the_day_says_who_asked(town: Town, till: Counter, member: str) -> None:
    place = ask(till, member)
    sign(town, member, place)
    arrives(town, member, place)
    day = till.look("/till/day").text
    assert "Points used" in day
    assert "checkout system" not in day.partition("Points used")[2].partition("</li>")[0]
    asked = next(
        action for action in list_actions(town.context, member_id=member).data if action.action == "points.asked"
    )
    assert (asked.staff_name, asked.detail) == (till.person.name, {"points": 120, "reward_id": None})


def test_it_is_in_the_day_of_the_store_that_asked(town: Town, till: Counter, member: str) -> None:
    place = ask(till, member)
    sign(town, member, place)
    arrives(town, member, place)
    other = create_store(town.context, Actor.admin(), NewStore("north", "Nord", town.merchant_id))
    elsewhere = at_counter(town, "nora@example.com", store_id=other.id)
    assert "Points used" in till.look("/till/day").text
    assert "Points used" not in elsewhere.look("/till/day").text


def test_a_reward_is_asked_for_by_its_name(till: Counter, member: str) -> None:
    form = till.look(redemption(member), reward_id="free-coffee")
    assert "A free coffee" in form.text
    place = till.send(form_of(form)).location
    page = till.look(place).text
    assert "A free coffee" in page
    assert "for 100 points" in page


def test_too_few_points_say_what_is_missing_and_nothing_is_asked(town: Town, till: Counter, member: str) -> None:
    page = till.look(redemption(member), points="151")
    assert "1 point is missing: this card has 150." in page.text
    assert "data-once" not in page.text
    sent = till.browser.post(f"/till/members/{member}/quote", points="151", reference="T20261122-130500Z-00000000")
    assert sent.status_code == 409
    assert list_actions(town.context, member_id=member).data == ()


def test_a_form_sent_twice_asks_once(till: Counter, member: str) -> None:
    form = form_of(till.look(redemption(member), points="50"))
    assert till.send(form).location == till.send(form).location
    changed = till.send(form, points="60")
    assert changed.status_code == 409
    assert "Something else was recorded with this form before" in changed.text


def test_it_is_called_off_until_it_is_signed(town: Town, till: Counter, member: str) -> None:
    place = ask(till, member)
    assert till.browser.post(f"{place}/cancel").location == f"/till/members/{member}"
    assert "This was called off. No point was used." in till.look(place).text
    newest = list_actions(town.context, member_id=member).data[0]
    assert (newest.action, newest.object_id) == ("quote.cancelled", place.rpartition("/")[2])
    second = ask(till, member, "50")
    sign(town, member, second)
    assert till.browser.post(f"{second}/cancel").location == second
    assert "It is on its way to the register" in till.look(second).text


def test_after_half_an_hour_it_is_over_and_says_so(town: Town, till: Counter, member: str) -> None:
    place = ask(till, member)
    town.clock.move(timedelta(minutes=31))
    page = till.look(place).text
    assert "This did not happen" in page
    assert 'data-waiting=""' in page
    assert f'href="{place}"' not in till.look(f"/till/members/{member}").text


def test_points_in_our_keeping_are_used_as_before(town: Town, till: Counter) -> None:
    bob = town.member("bob@example.com", name="Bob Petit")
    town.purchase(bob, 10_000)
    place = f"/till/members/{bob}/quote"
    answer = till.browser.post(place, points="20", reference="T20261122-130500Z-00000000")
    assert answer.location.startswith(redemption(bob))
    assert "Confirm" in till.browser.get(answer.location).text


def test_nobody_asks_for_the_points_of_their_own_card(town: Town, till: Counter) -> None:
    own = town.member("paul@example.com", name="Paul")
    town.purchase(own, 10_000)
    leave(town, own)
    answer = till.browser.post(f"/till/members/{own}/quote", points="20", reference="T20261122-130500Z-00000000")
    assert "This card is your own" in answer.text


def test_another_shop_does_not_find_it(town: Town, till: Counter, member: str) -> None:
    place = ask(till, member)
    other = open_shop(town.context, town.clock, "Boulangerie")
    stranger = at_counter(other, "eve@example.com")
    assert stranger.browser.get(place).status_code == 404
    assert stranger.browser.client.post(f"{place}/cancel", headers=ORIGIN).status_code == 404


@pytest.mark.parametrize("typed", ["", "1.5", "0"])
def test_a_form_of_nobodys_making_is_asked_again(till: Counter, member: str, typed: str) -> None:
    assert till.browser.post(f"/till/members/{member}/quote", points=typed, reference="x").status_code == 422
