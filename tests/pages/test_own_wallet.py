"""The pages of a wallet of one's own: asked for, confirmed by a code, signed by hand, called off; without a chain."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from eth_account import Account
from pages_town import Browser, Town
from staff_people import hire, signed_in

from token_service.custody.key_ring import KeyRing
from token_service.custody.policy import program_policy
from token_service.errors import SignerUnavailable
from token_service.ledger.context import Actor
from token_service.ledger.following import WalletEvent, follow
from token_service.ledger.mandates import member_mandates
from token_service.ledger.members import get_member
from token_service.ledger.sessions import kept_mails
from token_service.protocol.binds import SealedMember

KEY, OTHER_KEY = b"\x71" * 32, b"\x72" * 32
OWN = Account.from_key(KEY).address


@pytest.fixture
def member(town: Town, alice: Browser) -> str:
    """Alice, signed in just now, with 284 points."""
    made = town.member()
    town.gift(made, 284)
    alice.sign_in(town)
    return made


def document_on(page: str) -> dict[str, Any]:
    found = re.search(r"<code data-document>(.*?)</code>", page, re.DOTALL)
    assert found is not None
    return dict(json.loads(html.unescape(found[1])))


def signature(page: str, key: bytes = KEY) -> str:
    return "0x" + bytes(Account.sign_typed_data(key, full_message=document_on(page)).signature).hex()


def state_of(town: Town, member: str) -> str:
    return get_member(town.context, Actor.member(member), member).state


def ask(alice: Browser, address: str = OWN) -> str:
    """The place of what is to be signed."""
    answer = alice.post("/own-wallet/leave", address=address)
    assert answer.status_code == 303
    return str(answer.location)


def test_preferences_lead_there_and_it_says_what_leaving_means(town: Town, alice: Browser, member: str) -> None:
    assert 'href="/own-wallet"' in alice.get("/preferences").text
    page = alice.get("/own-wallet").text
    assert "If you lose its key, nobody can bring them back." in page
    assert 'name="address"' in page


def test_whoever_signed_in_a_while_ago_proves_again_that_it_is_them(town: Town, alice: Browser, member: str) -> None:
    town.clock.move(timedelta(minutes=16))
    assert 'name="address"' not in alice.get("/own-wallet").text
    assert alice.post("/own-wallet/leave", address=OWN).location == "/confirm"
    assert member_mandates(town.context, member) == []
    assert alice.post("/confirm").location == "/confirm"
    assert alice.post("/confirm/code", code="12").status_code == 422
    right = town.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    assert "not the code we sent" in alice.post("/confirm/code", code=wrong).text
    assert alice.post("/confirm/code", code=right).location == "/own-wallet"
    assert 'name="address"' in alice.get("/own-wallet").text
    assert ask(alice).startswith("/own-wallet/man_")


def test_a_code_of_another_browser_confirms_nothing(town: Town, alice: Browser, member: str) -> None:
    town.clock.move(timedelta(minutes=16))
    assert "This code is over" in alice.post("/confirm/code", code="123456").text


def test_a_signature_sends_the_points_on_their_way_and_a_mail_says_so(town: Town, alice: Browser, member: str) -> None:
    place = ask(alice)
    page = alice.get(place).text
    assert document_on(page)["primaryType"] == "Bind"
    assert alice.post(place, signature=signature(page)).status_code == 303
    assert state_of(town, member) == "leaving"
    assert "begins as soon as everything so far is written" in alice.get(place).text
    assert "Your points are on their way" in alice.get("/wallet").text
    assert "Your points are on their way" in alice.get("/rewards/free-coffee").text
    assert OWN in kept_mails(town.context)[0].body


def test_it_can_be_called_off_while_it_waits(town: Town, alice: Browser, member: str) -> None:
    place = ask(alice)
    alice.post(place, signature=signature(alice.get(place).text))
    assert alice.post(f"{place}/cancel").location == "/own-wallet"
    assert state_of(town, member) == "active"
    assert "called off" in alice.get("/own-wallet").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [("hello", "begins with 0x"), ("0x12", "begins with 0x"), (None, f"not one of {OWN}")],
)
def test_a_wrong_signature_is_explained_and_kept(
    town: Town, alice: Browser, member: str, typed: str | None, said: str
) -> None:
    place = ask(alice)
    given = typed or signature(alice.get(place).text, OTHER_KEY)
    answer = alice.post(place, signature=given)
    assert answer.status_code == 422
    assert said in answer.text
    assert given in answer.text
    assert state_of(town, member) == "active"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("0x12", "40 letters and digits"),
        (OWN[:2] + OWN[2:].swapcase(), "One of the letters"),
        ("0x" + "0" * 40, "cannot go"),
    ],
)
def test_a_wrong_address_is_explained_and_kept(
    town: Town, alice: Browser, member: str, address: str, said: str
) -> None:
    answer = alice.post("/own-wallet/leave", address=address)
    assert answer.status_code == 422
    assert said in answer.text
    assert address in answer.text


def test_nobody_sees_or_signs_what_is_another_members(town: Town, alice: Browser, member: str) -> None:
    place = ask(alice)
    town.member("bob@example.com")
    bob = Browser(alice.client.application.test_client())
    bob.sign_in(town, "bob@example.com")
    assert bob.get(place).status_code == 404
    assert bob.post(place, signature="0x12").status_code == 404
    assert bob.post(f"{place}/cancel").status_code == 404


def test_points_that_are_here_cannot_be_brought_back(town: Town, alice: Browser, member: str) -> None:
    answer = alice.post("/own-wallet/return")
    assert answer.status_code == 409
    assert "Something else is under way" in answer.text


def test_support_sees_in_the_members_story_where_the_points_are(town: Town, alice: Browser, member: str) -> None:
    place = ask(alice)
    alice.post(place, signature=signature(alice.get(place).text))
    app = town.app()
    support = signed_in(town, hire(town, "support", locale="en"), app)
    page = support.get(f"/console/members/{member}").text
    assert "The points are to go to an own wallet" in page
    assert "on the way to a wallet of their own" in page
    address = get_member(town.context, Actor.member(member), member).address
    number = "0x" + "5" * 64
    said = {"from_address": address, "to_address": OWN, "amount": 284, "expires_at": 0}
    event = WalletEvent("SelfCustodyBound", said, number, 1, 7, town.clock(), number)
    town.context.store.transact(lambda connection: follow(connection, town.context, event))
    page = support.get(f"/console/members/{member}").text
    assert "The points are in the member’s own wallet" in page
    assert "only their signature spends them" in page


# --- the key itself -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(town: Town, keys: KeyRing) -> Browser:
    """Alice, signed in, in front of pages that can ask a signer."""
    policy = program_policy(chain_id=7_000_001, contract=None, operators=[], admin=keys.admin_address)
    app = town.app(export_key=keys.signer(policy).export_keystore, export_cooling_off=timedelta(hours=24))
    town.gift(town.member(), 284)
    browser = Browser(app.test_client())
    browser.sign_in(town)
    return browser


def test_the_key_is_given_after_the_time_to_think_under_the_members_passphrase(town: Town, asking: Browser) -> None:
    place = asking.post("/own-wallet/key").location
    assert "was asked for" in kept_mails(town.context)[0].subject
    page = asking.get(place).text
    assert "You can take it from" in page
    assert 'name="passphrase"' not in page
    assert asking.post(f"{place}/key", passphrase="a passphrase of mine").status_code == 409
    town.clock.move(timedelta(hours=24))
    assert asking.post(f"{place}/key", passphrase="a passphrase of mine").location == "/confirm", "signed in a day ago"
    asking.post("/confirm")
    asking.post("/confirm/code", code=town.code())
    assert "at least 12 characters" in asking.post(f"{place}/key", passphrase="short").text
    answer = asking.post(f"{place}/key", passphrase="a passphrase of mine")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    key = bytes(Account.decrypt(json.loads(answer.text), "a passphrase of mine"))
    page = asking.get(place).text
    assert "we still have it too" in page
    assert asking.post(place, signature=signature(page, key)).status_code == 303
    assert "begins as soon as" in asking.get(place).text


def test_a_signer_that_is_away_changes_nothing(town: Town, asking: Browser) -> None:
    def away(member: SealedMember, passphrase: str) -> str:
        raise SignerUnavailable("it rests")

    browser = Browser(town.app(export_key=away, export_cooling_off=timedelta()).test_client())
    browser.sign_in(town)
    place = browser.post("/own-wallet/key").location
    answer = browser.post(f"{place}/key", passphrase="a passphrase of mine")
    assert answer.status_code == 503
    assert "Nothing has changed" in answer.text


def test_pages_without_a_signer_offer_no_key(town: Town, alice: Browser, member: str) -> None:
    assert "take the key" not in alice.get("/own-wallet").text
    assert alice.post("/own-wallet/key").status_code == 404
