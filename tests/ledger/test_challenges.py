"""Challenges in the ledger: stamp cards, goals with dates, streaks and badges; counted, completed once, taken back by refunds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import InvalidInput, VoucherCancelled
from token_service.ledger import views
from token_service.ledger.challenge_standings import list_badges, list_challenges
from token_service.ledger.context import Actor
from token_service.ledger.events import get_event, reverse_event, send_event
from token_service.ledger.inputs import NewEvent, NewItem, NewReversal, NewVoucherUse
from token_service.ledger.purchases import get_purchase, record_purchases, simulate_purchase
from token_service.ledger.vouchers import list_vouchers, use_voucher

CHALLENGES = """
  - {id: coffee, count: {kind: items, categories: [coffee]}, target: 5, repeat: always, award: {reward: free-coffee}}
  - {id: three, count: {kind: orders, when: order.total >= 2000}, target: 3, award: {points: 200, badge: true}}
  - {id: monthly, count: {kind: spend}, target: 10000, period: month, repeat: always, award: {points: 50}}
  - {id: loyal, count: {kind: streak, every: week}, target: 2, repeat: always, award: {points: 7}}
  - {id: critic, count: {kind: events, event: review.written}, target: 2, award: {badge: true}}
"""
RULES = rules(
    rewards="[{id: free-coffee, kind: gift, points: 500, name: {fr: Café, en: Coffee}}]", challenges=CHALLENGES
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def coffees(town: Town, member: str, pieces: int, **more: Any) -> views.Purchase:
    items = (NewItem(line=1, sku="espresso", category="coffee", quantity=pieces, amount=200 * pieces),)
    return town.buy(member, 200 * pieces, items=items, **more).value


def standing(town: Town, member: str, challenge: str) -> tuple[int, int]:
    """(counted, times)."""
    found = {one.id: one for one in list_challenges(town.context, town.alice, member)}
    return found[challenge].counted, found[challenge].times


def open_vouchers(town: Town, member: str) -> list[views.Voucher]:
    return [one for one in list_vouchers(town.context, Actor.member(member)) if one.state == "open"]


def use(town: Town, voucher: views.Voucher) -> views.VoucherUse:
    assert voucher.code is not None
    return use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), voucher.code))


def test_the_5th_qualifying_item_grants_one_free_item_voucher(town: Town) -> None:
    """Number 5 of the brief's list."""
    member = town.member()
    assert coffees(town, member, 4).completed == ()
    assert standing(town, member, "coffee") == (4, 0)
    fifth = coffees(town, member, 1)
    assert [(one.challenge_id, one.points, one.reward_id) for one in fifth.completed] == [("coffee", 0, "free-coffee")]
    (voucher,) = open_vouchers(town, member)
    assert (voucher.reward_id, voucher.points, voucher.id) == ("free-coffee", 0, fifth.completed[0].voucher_id)
    assert use(town, voucher).voucher.reward_name["en"] == "Coffee"
    assert coffees(town, member, 4).completed == (), "the card begins anew"
    assert len(coffees(town, member, 6).completed) == 2, "the tenth and the fifteenth"
    town.check()


def test_refunding_a_stamped_item_removes_its_stamp(town: Town) -> None:
    """Number 5: and the voucher that is not complete any more buys nothing."""
    member = town.member()
    coffees(town, member, 4)
    fifth = coffees(town, member, 2)
    (voucher,) = open_vouchers(town, member)
    town.refund(fifth.id, items=[(1, 2)])
    assert standing(town, member, "coffee") == (4, 0)
    assert open_vouchers(town, member) == []
    with pytest.raises(VoucherCancelled):
        use(town, voucher)
    assert get_purchase(town.context, town.alice, fifth.id).completed == ()
    again = coffees(town, member, 1)
    assert len(again.completed) == 1, "the next stamp completes it anew"
    town.check()


def test_a_voucher_that_was_honoured_is_not_given_twice_for_the_same_stamps(town: Town) -> None:
    member = town.member()
    bought = coffees(town, member, 5)
    use(town, open_vouchers(town, member)[0])
    town.refund(bought.id, items=[(1, 5)])
    assert standing(town, member, "coffee") == (0, 0)
    assert coffees(town, member, 5).completed == (), "number 1 was given and honoured"
    assert len(coffees(town, member, 5).completed) == 1, "number 2"
    town.check()


def test_progress_is_visible_and_completion_issues_once(town: Town) -> None:
    """Number 20: progress k/N is visible; completion issues once."""
    member = town.member()
    seen = []
    for _ in range(5):
        town.buy(member, 2000)
        seen.append(standing(town, member, "three"))
    assert seen == [(1, 0), (2, 0), (3, 1), (3, 1), (3, 1)]
    assert [points for kind, points in town.moves(member) if points == 200] == [200]
    town.check()


def test_a_purchase_on_which_the_condition_fails_does_not_count(town: Town) -> None:
    member = town.member()
    town.buy(member, 1999)
    assert standing(town, member, "three") == (0, 0)


def test_a_refund_takes_challenge_progress_and_what_it_gave_back(town: Town) -> None:
    member = town.member()
    bought = [town.buy(member, 2000).value for _ in range(3)]
    assert town.balance(member).available == 260
    town.refund(bought[0].id, 2000)
    assert town.balance(member).available == 40
    assert standing(town, member, "three") == (2, 0)
    assert list_badges(town.context, town.alice, member) == ()
    town.buy(member, 2000)
    assert town.balance(member).available == 260
    town.check()


def test_what_was_spent_of_a_completion_is_owed_after_the_refund(town: Town) -> None:
    member = town.member()
    bought = [town.buy(member, 2000).value for _ in range(3)]
    town.redeem(member, 260)
    town.refund(bought[0].id, 2000)
    assert town.balance(member).debt == 220
    town.check()


def test_recurrence_policy_none_or_on_completion_within_a_period(town: Town) -> None:
    """Number 20: recurrence policy none / on expiry / on completion."""
    member = town.member()
    assert [len(town.buy(member, 1900).value.completed) for _ in range(6)] == [0, 0, 0, 0, 0, 1], "114 EUR this month"
    assert standing(town, member, "monthly") == (1400, 1)
    town.clock.forward(timedelta(days=31))
    assert standing(town, member, "monthly") == (0, 0), "the period ended, and what was begun with it"
    town.buy(member, 1900)
    assert standing(town, member, "monthly") == (1900, 0)
    town.check()


def test_a_streak_of_weeks_issues_once_per_period_per_member(town: Town) -> None:
    """Number 28."""
    member = town.member()
    given = []
    for weeks in (0, 0, 1, 1, 1, 2, 1):
        town.clock.forward(weeks * 7 * DAY)
        given.append([one.challenge_id for one in town.buy(member, 100).value.completed])
    assert given == [[], [], ["loyal"], [], ["loyal"], [], ["loyal"]], "the fifth misses a week and begins anew"
    town.check()


def test_a_badge_is_awarded_once_and_never_changes_a_balance(town: Town) -> None:
    """Number 21."""
    member = town.member()
    for _ in range(4):
        send(town, member)
    assert [one.id for one in list_badges(town.context, town.alice, member)] == ["critic"]
    assert town.balance(member).available == 0
    town.check()


def test_an_event_that_was_taken_back_takes_the_badge_with_it(make: Make) -> None:
    earning = "[{id: r, kind: event, event: review.written, points: 3}, {id: base"
    town = make(RULES.replace("[{id: base", earning))
    member = town.member()
    first = send(town, member)
    send(town, member)
    assert len(list_badges(town.context, town.alice, member)) == 1
    reverse_event(town.context, town.alice, first, NewReversal(town.reference()))
    assert list_badges(town.context, town.alice, member) == ()
    send(town, member)
    assert len(list_badges(town.context, town.alice, member)) == 1
    town.check()


def test_a_completion_itself_is_not_reversed_by_hand(town: Town) -> None:
    member = town.member()
    done = coffees(town, member, 5).completed[0]
    with pytest.raises(InvalidInput, match="refund them"):
        reverse_event(town.context, ADMIN, done.event_id, NewReversal(town.reference()))
    assert get_event(town.context, ADMIN, done.event_id).subject == "coffee/1"


def test_several_at_once_are_several_completions_at_most_ten(town: Town) -> None:
    member = town.member()
    given = [[one.challenge_id for one in coffees(town, member, pieces).completed] for pieces in (53, 7)]
    assert [found.count("coffee") for found in given] == [10, 2]
    town.check()


def test_a_batch_counts_as_one_by_one_does(town: Town) -> None:
    members = [town.member() for _ in range(3)]
    coffees(town, members[0], 3)
    item = NewItem(line=1, sku="espresso", category="coffee", quantity=2, amount=400)
    news = [town.new_purchase(members[number % 3], 400, items=(item,)) for number in range(12)]
    answers = record_purchases(town.context, town.alice, news)
    completed = [len(one.value.completed) for one in answers if isinstance(one, views.BatchOutcome)]
    assert completed == [1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0]
    assert [standing(town, member, "coffee") for member in members] == [(1, 2), (3, 1), (3, 1)]
    town.check()


def test_a_simulation_says_what_would_be_completed(town: Town) -> None:
    member = town.member()
    new = town.new_purchase(member, 1000, items=(NewItem(line=1, sku="x", category="coffee", quantity=5, amount=1000),))
    said = simulate_purchase(town.context, town.alice, new)
    assert said.value is not None
    assert [one.challenge_id for one in said.value.completed] == ["coffee"]
    assert standing(town, member, "coffee") == (0, 0)


def send(town: Town, member: str) -> str:
    new = NewEvent(reference=town.reference(), type="review.written", occurred_at=town.clock.at, member_id=member)
    return send_event(town.context, town.alice, new).value.id
