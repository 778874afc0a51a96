"""Lies about events that only the replay can notice: more often than allowed, more than the rules give, twice a year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.inputs import NewEvent, NewMember, NewReversal
from token_service.ledger.members import enrol
from token_service.ledger.referrals import get_invitation

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, lie, saying

ADMIN = Actor.admin()
EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: review, kind: event, event: review.written, points: 12, limits: {per_member: {times: 1}}}
  - {id: survey, kind: event, event: survey.answered, points: 7, once_per: subject}
  - {id: flyer, kind: event, event: flyer.shared, points: 10, limits: {budget_points: 15}}
  - {id: hello, kind: event, event: member.joined, points: 5, once_per: person}
  - {id: cake, kind: event, event: member.birthday, points: 9}
  - {id: year, kind: event, event: member.anniversary, points: 11}
  - {id: friend, kind: event, event: member.referred, points: 15}
  - {id: invited, kind: event, event: member.invited, points: 10}
schedules:
  - {id: weekly, every: week, points: 6, when: member.purchases > 0, limits: {budget_points: 500}}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    rules = RULES.replace("[{id: base, kind: spend, points: 1, per: 100}]", EARNING)
    return make_opened(node_url, tmp_path, keys_folder, rules)


def send(made: OpenedProgramme, member: str, type_: str, subject: str | None = None) -> str:
    new = NewEvent(made.town.reference(), type_, made.town.clock.at, member, subject=subject)
    return send_event(made.town.context, made.town.alice, new).value.id


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_an_honest_programme_with_events_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    send(made, member, "review.written")
    send(made, member, "review.written")
    taken = send(made, member, "survey.answered", "autumn")
    reverse_event(made.town.context, made.town.alice, taken, NewReversal("back"))
    send(made, member, "survey.answered", "autumn")
    send(made, member, "door.opened")
    made.town.buy(member, 2_500)
    honest(made)


def test_more_points_than_the_rule_gives(made: OpenedProgramme) -> None:
    member = made.town.member()
    honest(made)
    send(made, member, "review.written")

    def more(leaf: Settling) -> Settling:
        line = leaf.detail["breakdown"][0] | {"points": 120}
        return saying(leaf, amount=120, points=120, awarded=120, breakdown=[line])

    wrong = findings(lie(made, "issuance", more), "awards")[0]
    assert (wrong.detail, wrong.expected, wrong.found) == ("the rules give another award", "12", "120")


def test_more_often_than_a_member_may(made: OpenedProgramme) -> None:
    member = made.town.member()
    send(made, member, "review.written")
    honest(made)
    send(made, member, "review.written")

    def again(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        return saying(leaf, facts=facts | {"limits": [facts["limits"][0] | {"times": 0}]})

    found = findings(lie(made, "event", again), "awards")
    assert any("what limited rules had left" in one.detail for one in found)


def test_the_same_survey_twice(made: OpenedProgramme) -> None:
    member = made.town.member()
    send(made, member, "survey.answered", "autumn")
    honest(made)
    send(made, member, "survey.answered", "autumn")

    def as_if_new(leaf: Settling) -> Settling:
        facts = {name: value for name, value in leaf.detail["facts"].items() if name != "seen"}
        return replace(leaf, detail={**leaf.detail, "facts": facts})

    wrong = findings(lie(made, "event", as_if_new), "awards")[0]
    assert (wrong.expected, wrong.found) == ("survey", "none")


def test_a_rule_that_gave_more_than_its_budget(made: OpenedProgramme) -> None:
    """Each event alone looks right: nobody outside knows which came first. Together they are too many."""
    for _ in range(2):
        send(made, made.town.member(), "flyer.shared")

    def as_the_first(leaf: Settling) -> Settling:
        if leaf.detail["kind"] != "issuance":
            return leaf
        facts, line = leaf.detail["facts"], leaf.detail["breakdown"][0]
        facts = facts | {"limits": [facts["limits"][0] | {"budget_points": 15}]}
        return saying(leaf, amount=10, points=10, awarded=10, facts=facts, breakdown=[line])

    made.bend = lambda leaves: [as_the_first(leaf) for leaf in leaves]
    made.settle()
    (wrong,) = findings(made.audit(), "awards")
    assert (wrong.expected, wrong.found) == ("at most 15", "20")


def test_a_referral_that_is_counted_twice(made: OpenedProgramme) -> None:
    """The second one tells of the referral that the first one was about."""
    for number in range(2):
        town = made.town
        inviter = town.member()
        code = get_invitation(town.context, ADMIN, inviter).code
        friend = enrol(town.context, town.alice, NewMember(f"friend-{number}", referral_code=code)).member.id
        town.buy(friend, 1_000)
        run_due(town.context)
    subjects: list[str] = []

    def the_same(leaf: Settling) -> Settling:
        facts = leaf.detail.get("facts", {})
        if facts.get("event") != "member.referred":
            return leaf
        subjects.append(facts["subject"])
        return saying(leaf, facts=facts | {"subject": subjects[0]})

    made.bend = lambda leaves: [the_same(leaf) for leaf in leaves]
    made.settle()
    (wrong,) = findings(made.audit(), "history")
    assert wrong.detail == "a referral is counted twice"


def test_somebody_invited_who_bought_nothing(made: OpenedProgramme) -> None:
    town = made.town
    code = get_invitation(town.context, ADMIN, town.member()).code
    friend = enrol(town.context, town.alice, NewMember("friend", referral_code=code)).member.id
    town.buy(friend, 1_000)
    run_due(town.context)

    def without_purchase(leaves: list[Settling]) -> list[Settling]:
        kept = [leaf for leaf in leaves if leaf.member_id == friend and leaf.detail.get("operation") != "purchase"]
        joined = {"joined_at": leaves[0].detail["joined_at"]}
        return [saying(leaf, number=number, **joined) for number, leaf in enumerate(kept, start=1)]

    made.bend = without_purchase
    made.settle()
    details = [one.detail for one in findings(made.audit(), "history")]
    assert "somebody was invited who bought nothing" in details


def test_a_birthday_twice_a_year(made: OpenedProgramme) -> None:
    """The second one is made up of the first: another id, another reference."""
    context = made.town.context
    born = date(1990, made.town.clock.at.month, made.town.clock.at.day)
    enrol(context, made.town.alice, NewMember("card", birth_date=born))
    run_due(context)
    honest(made)
    made.town.clock.at += DAY
    with context.store.write() as connection:
        connection.exec_driver_sql(
            "update operations set reference = 'hidden' where reference like 'member.birthday/%'"
        )
        connection.exec_driver_sql("update members set birthday_due_on = '1970-01-01'")
    assert run_due(context).birthdays == 1
    made.settle()
    found = findings(made.audit(), "history")
    assert any("member.birthday/" in one.detail and "twice" in one.detail for one in found)


def test_a_birthday_kept_late_into_january_is_not_taken_for_the_next_one(made: OpenedProgramme) -> None:
    """On 30 December nothing ran: it is celebrated in January, and the next one on its day of the same calendar year."""
    context = made.town.context
    member = enrol(context, made.town.alice, NewMember("card", birth_date=date(1990, 12, 30))).member.id
    next_year = made.town.clock.at.year + 2
    for day in (date(next_year, 1, 2), date(next_year, 12, 30)):
        made.town.clock.at = made.town.clock.at.replace(year=day.year, month=day.month, day=day.day)
        assert run_due(context).birthdays == 1
    assert [entry.points for entry in made.town.statement(member) if entry.points > 0] == [9, 9]
    honest(made)


def test_a_birthday_of_another_year(made: OpenedProgramme) -> None:
    context = made.town.context
    born = date(1990, made.town.clock.at.month, made.town.clock.at.day)
    enrol(context, made.town.alice, NewMember("card", birth_date=born))
    honest(made)
    run_due(context)
    report = lie(made, "issuance", lambda leaf: saying(leaf, reference="member.birthday/mem_1/2031"))
    assert any(one.found == "2031" for one in findings(report, "history"))


def test_an_anniversary_of_another_year(made: OpenedProgramme) -> None:
    made.town.member()
    joined_at = made.town.clock.at
    honest(made)
    made.town.clock.at = joined_at.replace(year=joined_at.year + 1)
    assert run_due(made.town.context).anniversaries == 1
    reference = f"member.anniversary/mem_1/{joined_at.year + 2}"
    report = lie(made, "issuance", lambda leaf: saying(leaf, reference=reference))
    assert any("an anniversary is celebrated in another year" in one.detail for one in findings(report, "history"))


def next_monday(made: OpenedProgramme, *, members: int = 1) -> list[str]:
    """Members who bought something, some days before a week begins; then it does."""
    town = made.town
    found = [town.member() for _ in range(members)]
    for member in found:
        town.buy(member, 1_000)
    honest(made)
    town.clock.at += DAY * (7 - town.clock.at.weekday())
    return found


def test_scheduled_bonuses_and_anniversaries_of_an_honest_programme_hold(made: OpenedProgramme) -> None:
    next_monday(made, members=2)
    assert run_due(made.town.context).scheduled == 2
    made.town.member()
    made.town.clock.at += 366 * DAY
    run_due(made.town.context)
    honest(made)


def test_a_scheduled_bonus_on_whose_condition_does_not_hold(made: OpenedProgramme) -> None:
    next_monday(made)
    run_due(made.town.context)

    def who_bought_nothing(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        return saying(leaf, facts=facts | {"member": facts["member"] | {"purchases": 0}})

    found = findings(lie(made, "issuance", who_bought_nothing), "awards")
    assert any((one.expected, one.found) == ("0", "6") for one in found)


def test_a_scheduled_bonus_of_another_period(made: OpenedProgramme) -> None:
    next_monday(made)
    run_due(made.town.context)

    def of_another(leaf: Settling) -> Settling:
        return saying(leaf, facts=leaf.detail["facts"] | {"subject": "weekly/2031-W07"})

    found = findings(lie(made, "issuance", of_another), "awards")
    assert any("the rules give another award" in one.detail for one in found)


def test_a_scheduled_bonus_twice_in_a_period(made: OpenedProgramme) -> None:
    next_monday(made)
    run_due(made.town.context)
    made.settle()
    context = made.town.context
    made.town.clock.at += DAY
    with context.store.write() as connection:
        connection.exec_driver_sql("update operations set reference = 'hidden' where reference like 'schedule/%'")
        connection.exec_driver_sql("update campaign_uses set points = 0")
        connection.exec_driver_sql("delete from schedule_runs")
    assert run_due(context).scheduled == 1
    made.settle()
    found = findings(made.audit(), "awards")
    assert any("which rules gave something for this before" in one.detail for one in found)


def test_an_event_taken_back_that_was_not_there(made: OpenedProgramme) -> None:
    member = made.town.member()
    event = send(made, member, "review.written")
    honest(made)
    reverse_event(made.town.context, made.town.alice, event, NewReversal("back"))
    wrong = findings(lie(made, "reversal", lambda leaf: saying(leaf, of="evt_nothing")), "reversals")[0]
    assert wrong.found == "evt_nothing"
