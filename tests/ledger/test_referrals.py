"""Referrals: both sides are paid once the invited one has bought something for good; fraud is refused with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.ledger import views
from token_service.ledger.challenge_standings import list_badges
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol, freeze, unfreeze
from token_service.ledger.purchases import simulate_purchase
from token_service.ledger.referrals import get_invitation

EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: friend, kind: event, event: member.referred, points: 200, limits: {per_member: {times: 2}}}
  - {id: invited, kind: event, event: member.invited, points: 100}
"""
CHALLENGES = (
    "[{id: three-friends, count: {kind: events, event: member.referred}, target: 3, award: {points: 500, badge: true}}]"
)
RULES = rules(return_window="P14D", challenges=CHALLENGES).replace(
    "[{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]", EARNING
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def join(town: Town, code: str | None = None, **more: Any) -> str:
    return enrol(town.context, town.alice, NewMember(town.reference(), referral_code=code, **more)).member.id


def invitation(town: Town, member: str) -> views.Invitation:
    return get_invitation(town.context, ADMIN, member)


def code_of(town: Town, member: str) -> str:
    return invitation(town, member).code


def states(town: Town, member: str) -> list[tuple[str, str | None]]:
    return [(one.state, one.reason) for one in invitation(town, member).referrals]


def after_window(town: Town) -> views.DueReport:
    return town.pass_time(timedelta(days=15))


def test_both_sides_are_paid_after_the_referees_first_settled_order(town: Town) -> None:
    """Number 17 of the brief's list: settled, that is: it can no longer be returned."""
    inviter = join(town, email="ada@example.com")
    friend = join(town, code_of(town, inviter), email="ben@example.com")
    run_due(town.context)
    assert states(town, inviter) == [("waiting", None)]
    town.buy(friend, 2_000)
    run_due(town.context)
    assert town.balance(inviter).available == 0
    assert after_window(town).referrals_paid == 1
    assert (town.balance(inviter).available, town.balance(friend).available) == (200, 120)
    assert states(town, inviter) == [("paid", None)]
    invited_by = invitation(town, friend).invited_by
    assert invited_by is not None
    assert invited_by.state == "paid"
    town.buy(friend, 2_000)
    assert after_window(town).referrals_paid == 0, "once"
    town.check()


def test_a_first_order_that_was_returned_does_not_count_the_next_one_does(town: Town) -> None:
    inviter = join(town)
    friend = join(town, code_of(town, inviter))
    first = town.buy(friend, 2_000).value
    town.refund(first.id, 2_000)
    assert after_window(town).referrals_paid == 0
    town.buy(friend, 500)
    assert after_window(town).referrals_paid == 1
    town.check()


def test_without_another_order_nothing_comes_of_it(town: Town) -> None:
    inviter = join(town)
    friend = join(town, code_of(town, inviter))
    town.refund(town.buy(friend, 2_000).value.id, 2_000)
    town.pass_time(timedelta(days=91))
    town.pass_time(timedelta(days=2))
    assert states(town, inviter) == [("refused", "no_purchase")]


def test_self_referral_is_refused(town: Town) -> None:
    inviter = join(town, email="ada@example.com")
    again = join(town, code_of(town, inviter), email="Ada@Example.com ".strip())
    assert states(town, inviter) == [("refused", "self")]
    town.buy(again, 2_000)
    assert after_window(town).referrals_paid == 0


def test_a_cycle_is_refused(town: Town) -> None:
    ada = join(town, email="ada@example.com")
    ben = join(town, code_of(town, ada), email="ben@example.com")
    cleo = join(town, code_of(town, ben), email="cleo@example.com")
    join(town, code_of(town, cleo), email="ada@example.com")
    assert states(town, cleo) == [("refused", "cycle")]
    assert states(town, ben) == [("waiting", None)]


def test_a_person_who_is_a_member_already_is_refused(town: Town) -> None:
    inviter = join(town, email="ada@example.com")
    join(town, email="ben@example.com")
    join(town, code_of(town, inviter), email="ben@example.com")
    assert states(town, inviter) == [("refused", "known")]


def test_the_same_device_is_refused_the_inviters_and_a_friends(town: Town) -> None:
    inviter = join(town, device="phone-1")
    code = code_of(town, inviter)
    join(town, code, device="phone-1")
    join(town, code, device="phone-2")
    join(town, code, device="phone-2")
    town.clock.forward(DAY)
    join(town, code, device="phone-3")
    assert sorted(states(town, inviter), key=str) == [
        ("refused", "same_device"),
        ("refused", "same_device"),
        ("waiting", None),
        ("waiting", None),
    ]


def test_the_device_itself_is_not_kept(town: Town) -> None:
    join(town, device="phone-serial-4711")
    with town.context.store.read() as connection:
        rows = connection.exec_driver_sql("select device_hash from member_devices").all()
    assert len(rows) == 1
    assert "4711" not in str(rows)


def test_a_code_that_is_nobodys_stays_a_text_of_the_merchants_own(town: Town) -> None:
    member = join(town, "SUMMER-2026")
    assert invitation(town, member).invited_by is None


def test_a_code_may_be_typed_as_people_type(town: Town) -> None:
    inviter = join(town)
    join(town, code_of(town, inviter).lower().replace("-", " "))
    assert states(town, inviter) == [("waiting", None)]


def test_a_referral_code_can_carry_n_friends_thresholds(town: Town) -> None:
    """Number 18: a challenge counts the friends; the rule's own limit of two still holds."""
    inviter = join(town)
    for _ in range(3):
        town.buy(join(town, code_of(town, inviter)), 1_000)
    assert after_window(town).referrals_paid == 3
    assert town.balance(inviter).available == 2 * 200 + 500
    assert [badge.id for badge in list_badges(town.context, ADMIN, inviter)] == ["three-friends"]
    town.check()


def test_a_frozen_inviter_waits_and_is_paid_later(town: Town) -> None:
    inviter = join(town)
    friend = join(town, code_of(town, inviter))
    freeze(town.context, ADMIN, inviter, "looks odd")
    town.buy(friend, 1_000)
    assert after_window(town).referrals_paid == 0
    unfreeze(town.context, ADMIN, inviter, "is fine")
    assert town.pass_time(2 * DAY).referrals_paid == 1


def test_the_worker_knows_when_to_look(town: Town) -> None:
    inviter = join(town)
    friend = join(town, code_of(town, inviter))
    bought_at = town.clock.at
    town.buy(friend, 1_000)
    assert next_due_at(town.context) == bought_at + 14 * DAY


def test_a_simulated_purchase_starts_nothing(town: Town) -> None:
    friend = join(town, code_of(town, join(town)))
    assert simulate_purchase(town.context, town.alice, town.new_purchase(friend, 1_000)).value is not None
    assert next_due_at(town.context) is None


def test_the_code_stays_the_same(town: Town) -> None:
    member = join(town)
    assert code_of(town, member) == code_of(town, member) != code_of(town, join(town))
