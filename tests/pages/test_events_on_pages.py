"""Events in words: in the member's statement, for the programme's staff, and in the rules that everybody can read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

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
  - {id: years, kind: event, event: member.anniversary, points: 70}
schedules:
  - id: gift
    every: month
    points: 25
    name: {fr: Cadeau du mois, en: Gift of the month}
    until: 2027-01-01
    when: member.age_days > 3
  - {id: mondays, every: week, points: 1, when: member.age_days > 3000, limits: {budget_points: 900}}
  - {id: quarterly, every: quarter, points: 2, when: member.age_days > 3000}
  - {id: yearly, every: year, points: 3, when: member.age_days > 3000}
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


def test_the_statement_names_an_anniversary_and_what_the_calendar_brought(town: Town, member: str) -> None:
    for at in (datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2027, 11, 22, 13, tzinfo=UTC)):
        town.clock.at = at
        run_due(town.context)
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    page = alice.get("/wallet", headers={"Accept-Language": "en"}).text
    for said in ("Gift of the month", "Gift of the month: 25 points", "Thank you for another year with us"):
        assert said in page, said
    french = alice.get("/wallet", headers={"Accept-Language": "fr"}).text
    for said in ("Cadeau du mois", "Merci pour une année de plus avec nous"):
        assert said in french, said


def test_the_rules_say_what_else_earns_points(town: Town) -> None:
    page = " ".join(
        Browser(town.app().test_client()).get("/transparency", headers={"Accept-Language": "en"}).text.split()
    )
    for said in (
        "What else earns points",
        "Welcome: 30 points. Each person gets it once, known by their e-mail address or telephone.",
        "Review: 20 points. Each member gets it once.",
        "Box month: 50 points. Each one counts once. It gives 1,000 points in all, to everybody together. "
        "It gives points worth €90.00 in all, to everybody together.",
        "Gold: from 5 times.",
        "Thank you for another year with us: 70 points.",
        "Gift of the month: 25 points on the first day of each month. Until 1 January 2027, that day included.",
        "<code>member.age_days &gt; 3</code>",
        "Mondays: 1 point every Monday. It gives 900 points in all, to everybody together.",
        "Quarterly: 2 points on the first day of each quarter.",
        "Yearly: 3 points on the first day of each year.",
        "A level depends on how often you took part in the last 12 months.",
    ):
        assert said in page, said


def test_the_story_tells_staff_also_of_what_earned_nothing(town: Town, member: str) -> None:
    page = desk(town, "support").read(f"/console/members/{member}")
    for said in ("Happy birthday", "Review", "earned nothing", "you have had it as often as each member can"):
        assert said in page, said
