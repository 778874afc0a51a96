"""Inviting a friend: the code, what both get, how many came; only where the rules give something for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages_town import RULES, Browser, Town

from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewMember, NewRefund
from token_service.ledger.members import enrol
from token_service.ledger.referrals import get_invitation
from token_service.ledger.refunds import refund_purchase

EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: friend, kind: event, event: member.referred, points: 200}
  - {id: invited, kind: event, event: member.invited, points: 100}
"""


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES.replace("[{id: base, kind: spend, points: 1, per: 100}]", EARNING))


def signed_in(town: Town) -> Browser:
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    return alice


def page(browser: Browser, path: str, language: str = "en") -> str:
    """Its text, with plain spaces."""
    return browser.get(path, headers={"Accept-Language": language}).text.replace("\N{NO-BREAK SPACE}", " ")


def friend(town: Town, code: str) -> str:
    return enrol(town.context, town.actor, NewMember(town.reference(), referral_code=code)).member.id


def test_the_page_has_the_code_and_says_what_both_get(town: Town) -> None:
    member = town.member()
    alice = signed_in(town)
    assert "Invite a friend" in page(alice, "/wallet")
    code = get_invitation(town.context, Actor.admin(), member).code
    english, french = page(alice, "/invite"), page(alice, "/invite", "fr")
    for words in (code, "You get 200 points.", "Your friend gets 100 points.", "Nobody yet."):
        assert words in english, words
    for words in (code, "Inviter un ami", "Vous recevez 200 points.", "Votre ami reçoit 100 points."):
        assert words in french, words


def test_it_counts_friends_who_came_and_who_wait(town: Town) -> None:
    member = town.member()
    code = get_invitation(town.context, Actor.admin(), member).code
    town.purchase(friend(town, code), 1_000)
    friend(town, code)
    run_due(town.context)
    alice = signed_in(town)
    said = page(alice, "/invite")
    assert "1 friend came by your code." in said
    assert "1 more has joined and not bought anything for good yet." in said
    assert "A friend came by your invitation" in page(alice, "/wallet")


def test_it_says_what_was_taken_back_and_so_does_the_wallet(town: Town) -> None:
    member = town.member()
    code = get_invitation(town.context, Actor.admin(), member).code
    bought = town.purchase(friend(town, code), 1_000)
    run_due(town.context)
    refund_purchase(town.context, town.actor, bought.id, NewRefund(town.reference(), 1_000))
    alice = signed_in(town)
    said, wallet = page(alice, "/invite"), page(alice, "/wallet")
    assert "1 has given back all that they bought: the points for that were taken back." in said
    assert "friend came by your code" not in said
    assert "Invitation: nothing was kept of what was bought" in wallet
    assert "1 a rendu tous ses achats : les points correspondants ont été repris." in page(alice, "/invite", "fr")
    assert "Invitation : rien n’a été gardé de ce qui avait été acheté" in page(alice, "/wallet", "fr")


def test_there_is_no_such_page_where_the_rules_give_nothing(make_town: Callable[[str], Town]) -> None:
    town = make_town(RULES)
    town.member()
    alice = signed_in(town)
    assert alice.get("/invite").status_code == 404
    assert "/invite" not in page(alice, "/wallet")
