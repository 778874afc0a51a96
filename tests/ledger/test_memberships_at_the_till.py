"""Memberships in a till's day: sold and refunded with their money, summed apart from other reversals; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import ADMIN, Make, Town, rules

from token_service.errors import AlreadyReversed, NotFound
from token_service.ledger.context import Actor
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.inputs import NewEvent, NewIssuance, NewMembership, NewReversal
from token_service.ledger.issuances import issue, reverse_issuance
from token_service.ledger.memberships import (
    get_membership_refund,
    refund_membership,
    sell_membership,
    simulate_membership_refund,
)
from token_service.ledger.staff import NewPerson, Person, add_person
from token_service.ledger.till import day_of, find_operation, receipt_of

EVENTS = "[{id: review, kind: event, event: review.written, points: 5}, {id: base"
RULES = rules(
    memberships="[{id: club, price: 2900, period: P12M, points: 100}, {id: press, price: 500, period: P1M}]"
).replace("[{id: base", EVENTS)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def cashier(town: Town, actor: Actor) -> Person:
    new = NewPerson(f"{town.reference()}@example.com", "Paul", "cashier", actor.merchant_id)
    return add_person(town.context, ADMIN, new).person


def sell(town: Town, member: str, membership: str = "club") -> str:
    new = NewMembership(town.reference(), membership, member_id=member)
    return sell_membership(town.context, town.alice, new).value.id


def refund(town: Town, membership_id: str) -> str:
    """The id of the refund."""
    reference = town.reference()
    refund_membership(town.context, town.alice, membership_id, NewReversal(reference))
    found = find_operation(town.context, cashier(town, town.alice), "reversal", reference)
    assert found is not None
    return found


def test_sales_and_refunds_have_lines_and_sums_of_their_own(town: Town) -> None:
    member, paul = town.member(), cashier(town, town.alice)
    given = issue(town.context, town.alice, NewIssuance(town.reference(), member, 10, "sorry")).value.id
    reverse_issuance(town.context, town.alice, given, NewReversal(town.reference()))
    review = send_event(
        town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock(), member_id=member)
    ).value.id
    reverse_event(town.context, town.alice, review, NewReversal(town.reference()))
    refund(town, sell(town, member))
    sell(town, member, "press")
    day = day_of(town.context, paul, town.clock() - timedelta(hours=9))
    lines = [(line.kind, line.points, line.amount, line.membership) for line in day.lines]
    assert lines == [
        ("membership", 0, 500, "press"),
        ("membership_refund", -100, 2_900, "club"),
        ("membership", 100, 2_900, "club"),
        ("reversal", -5, None, None),
        ("reversal", -10, None, None),
        ("issuance", 10, None, None),
    ]
    assert [(tally.kind, tally.count, tally.points, tally.amount) for tally in day.tallies] == [
        ("membership", 2, 100, 3_400),
        ("membership_refund", 1, -100, 2_900),
        ("issuance", 1, 10, None),
        ("reversal", 2, -15, None),
    ]
    assert day.count == len(day.lines)
    assert [line.parent_id for line in day.lines if line.kind == "reversal"] == [None, given]


def test_both_have_receipts_for_their_shop_alone(town: Town) -> None:
    member, paul, foreign = town.member(), cashier(town, town.alice), cashier(town, town.charlie)
    sold = sell(town, member)
    back = refund(town, sold)
    assert receipt_of(town.context, paul, sold).line.kind == "membership"
    line = receipt_of(town.context, paul, back).line
    assert (line.kind, line.parent_id, line.points) == ("membership_refund", sold, -100)
    assert get_membership_refund(town.context, town.alice, back).reversed == 100
    for operation in (sold, back):
        with pytest.raises(NotFound):
            receipt_of(town.context, foreign, operation)


def test_another_event_is_no_line_of_a_till(town: Town) -> None:
    member, paul = town.member(), cashier(town, town.alice)
    new = NewEvent(town.reference(), "review.written", town.clock(), member_id=member)
    review = send_event(town.context, town.alice, new).value.id
    with pytest.raises(NotFound):
        receipt_of(town.context, paul, review)


def test_a_refund_is_simulated_with_what_it_would_take(town: Town) -> None:
    member = town.member()
    sold = sell(town, member)
    seen = simulate_membership_refund(town.context, town.alice, sold, NewReversal("later"))
    assert seen.value is not None
    assert (seen.value.reversed, seen.value.debt, seen.refusal) == (100, 0, None)
    refund(town, sold)
    with pytest.raises(AlreadyReversed):
        simulate_membership_refund(town.context, town.alice, sold, NewReversal("later"))
    with pytest.raises(NotFound):
        simulate_membership_refund(town.context, town.charlie, sold, NewReversal("later"))
