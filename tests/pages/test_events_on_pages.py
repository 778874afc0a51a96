"""Events in words: in the member's statement, for the programme's staff, and in the rules that everybody can read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from console_town import desk
from pages_town import RULES, Browser, Town

from token_service.ledger.due import run_due
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent, NewMember
from token_service.ledger.members import enrol

EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: hello, kind: event, event: member.joined, points: 30, once_per: person}
  - {id: cake, kind: event, event: member.birthday, points: 40}
  - {id: review, kind: event, event: review.written, points: 20, name: {fr: Avis, en: Review}, limits: {per_member: {times: 1}}}
  - {id: box-month, kind: subscription, points: 50, limits: {budget_points: 1000, budget_amount: 9000}}
"""
EVENT_RULES = (
    RULES.replace("[{id: base, kind: spend, points: 1, per: 100}]", EARNING)
    .replace("qualify_by: spend", "qualify_by: engagement")
    .replace("from: 100000", "from: 5")
)


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(EVENT_RULES)


def send(town: Town, member: str, type_: str, subject: str | None = None) -> None:
    new = NewEvent(town.reference(), type_, town.context.now(), member, subject=subject)
    send_event(town.context, town.actor, new)


@pytest.fixture
def member(town: Town) -> str:
    """Alice joined on her birthday, wrote two reviews, and paid a month of her box."""
    new = NewMember("card-1", email="alice@example.com", name="Alice Martin", birth_date=date(1990, 11, 22))
    made = enrol(town.context, town.actor, new).member.id
    run_due(town.context)
    for _ in range(2):
        send(town, made, "review.written")
    send(town, made, "subscription.paid", "box-1/2026-11")
    return made


def test_the_statement_names_each_event(town: Town, member: str) -> None:
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    page = alice.get("/wallet", headers={"Accept-Language": "en"}).text
    for said in ("Welcome", "Happy birthday", "Review", "Box month", "Marché Central", "1 more time to Gold"):
        assert said in page, said
    assert "review.written" not in page
    french = alice.get("/wallet", headers={"Accept-Language": "fr"}).text
    for said in ("Bienvenue", "Joyeux anniversaire", "Avis", "encore 1 participation avant Or"):
        assert said in french, said


def test_the_rules_say_what_else_earns_points(town: Town) -> None:
    page = " ".join(
        Browser(town.app().test_client()).get("/transparency", headers={"Accept-Language": "en"}).text.split()
    )
    for said in (
        "What else earns points",
        "Welcome: 30 points. Each person gets it once, known by their e-mail address.",
        "Review: 20 points. Each member gets it once.",
        "Box month: 50 points. Each one counts once. It gives 1,000 points in all, to everybody together. "
        "It gives points worth €90.00 in all, to everybody together.",
        "Gold: from 5 times.",
        "A level depends on how often you took part in the last 12 months.",
    ):
        assert said in page, said


def test_the_story_tells_staff_also_of_what_earned_nothing(town: Town, member: str) -> None:
    page = desk(town, "support").read(f"/console/members/{member}")
    for said in ("Happy birthday", "Review", "earned nothing", "you have had it as often as each member can"):
        assert said in page, said
