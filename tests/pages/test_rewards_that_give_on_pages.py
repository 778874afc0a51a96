"""Rewards that give, rewards for companies and limits on gifts, as members read them in the wallet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages_town import RULES, Browser, Town
from test_rewards_and_vouchers import form_of
from test_wallet_page import wallet

from token_service.ledger.causes import create_cause, list_causes
from token_service.ledger.context import Actor
from token_service.ledger.segments import set_segments

REWARDS = """rewards:
  - {id: meal, kind: donation, points: 60, cause: Refuge, name: {fr: Un repas, en: A meal}}
  - {id: flyers, kind: marketing_funds, points: 50, funds: 50000, segments: [pros], name: {fr: Tracts, en: Flyers}}
  - {id: seats, kind: training, points: 40, seats: 2, segments: [pros], name: {fr: Atelier, en: Workshop}}
"""
MORE = """
segments: [{id: pros, companies: true, name: {fr: Professionnels, en: Professionals}}]
donations: {causes: [Refuge], min_points: 30, per_member_day_points: 100}
"""


@pytest.fixture
def giving(make_town: Callable[[str], Town]) -> tuple[Town, Browser]:
    town = make_town(RULES.replace("rewards:\n", REWARDS) + MORE)
    member = town.member()
    town.gift(member, 284)
    for name in ("Refuge", "Opera"):
        create_cause(town.context, Actor.admin(), name)
    set_segments(town.context, Actor.admin(), member, ("pros",))
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    return town, alice


def test_a_reward_that_gives_leads_to_its_line_and_not_to_a_voucher(giving: tuple[Town, Browser]) -> None:
    town, alice = giving
    assert "A meal 60 points Its points go to Refuge within reach" in wallet(town, alice, path="/rewards")
    assert "Donner 60 points" in wallet(town, alice, "fr", "/rewards/meal").replace("\xa0", " ")
    answer = alice.post("/rewards/meal", **form_of(alice.get("/rewards/meal").text))
    assert answer.status_code == 303
    assert "/wallet/entries/" in answer.location
    text = wallet(town, alice, path=answer.location)
    assert "A meal" in text
    assert "Refuge" in text
    assert [one.donated for one in list_causes(town.context)] == [60, 0]
    assert "A member gives at most 100 points a day; 40 are left of today." in wallet(town, alice, path="/rewards/meal")


def test_what_a_company_has_stands_beside_its_reward(giving: tuple[Town, Browser]) -> None:
    text = wallet(*giving, path="/rewards")
    assert "€500 for marketing" in text
    assert "2 seats in a training" in text
    assert "2 places de formation" in wallet(*giving, "fr", "/rewards").replace("\xa0", " ")


def test_a_gift_that_the_rules_forbid_says_why(giving: tuple[Town, Browser]) -> None:
    town, alice = giving
    refuge, opera = list_causes(town.context)
    text = wallet(town, alice, path="/give")
    assert "Points can be given to: Refuge." in text
    assert "Opera 0 points takes no more points" in text
    page = alice.get(f"/give/{refuge.id}").text
    answer = alice.post(f"/give/{refuge.id}", points="20", **form_of(page))
    assert answer.status_code == 409
    assert "Nothing was given. At least 30 points are given at once." in answer.text
    assert form_of(alice.get(f"/give/{opera.id}").text) == {}
    assert "Gifts to causes" in wallet(town, alice, path="/transparency")
